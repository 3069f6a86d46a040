package schemas

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// encodeValue percent-encodes a header value as the CloudEvents HTTP binding
// does (1.0.2, section 3.1.3.2), which the NATS binding follows: space, '"',
// '%' and all outside U+0021–U+007E, byte by byte of the UTF-8.
func encodeValue(s string) string {
	plain := 0
	for plain < len(s) && plainValueByte(s[plain]) {
		plain++
	}
	if plain == len(s) {
		return s
	}
	var b strings.Builder
	b.WriteString(s[:plain])
	for i := plain; i < len(s); i++ {
		if plainValueByte(s[i]) {
			b.WriteByte(s[i])
		} else {
			writePercent(&b, s[i])
		}
	}
	return b.String()
}

func writePercent(b *strings.Builder, c byte) {
	const hex = "0123456789ABCDEF"
	b.WriteByte('%')
	b.WriteByte(hex[c>>4])
	b.WriteByte(hex[c&15])
}

func plainValueByte(c byte) bool { return c > ' ' && c < 0x7f && c != '"' && c != '%' }

// decodeValue undoes encodeValue. It also takes the quoted form of older
// clients, and leaves a '%' alone that no two hex digits follow, since the
// CloudEvents SDK for Go writes values as they are.
func decodeValue(s string) (string, error) {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = unquote(s[1 : len(s)-1])
	}
	if strings.IndexByte(s, '%') >= 0 {
		s = percentDecode(s)
	}
	if !utf8.ValidString(s) {
		return "", errors.New("not valid UTF-8: percent-encode the UTF-8 bytes")
	}
	return s, nil
}

func unquote(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

func percentDecode(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if hi, lo := unhex(s[i+1]), unhex(s[i+2]); hi >= 0 && lo >= 0 {
				b = append(b, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
