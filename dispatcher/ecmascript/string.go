package ecmascript

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// decodeString is the value of a string in a document, given what stands
// between its quotes; its escapes are valid.
//
// A JavaScript string is a list of UTF-16 code units, and a surrogate in it
// need not have its pair. The value is kept as WTF-8
// (https://simonsapin.github.io/wtf-8/): UTF-8, in which a lone surrogate has
// three bytes as any other code unit from U+0800 would. Pairs are always one
// character of four bytes, so equal strings have equal bytes.
func decodeString(quoted string) string {
	if !utf8.ValidString(quoted) {
		quoted = decodeUTF8(quoted)
	}
	if strings.IndexByte(quoted, '\\') < 0 {
		return quoted
	}
	value := make([]byte, 0, len(quoted))
	for {
		before, rest, ok := strings.Cut(quoted, `\`)
		value = append(value, before...)
		if !ok {
			return string(value)
		}
		if rest[0] == 'u' {
			value, quoted = appendUnits(value, rest)
			continue
		}
		value = append(value, unescaped(rest[0]))
		quoted = rest[1:]
	}
}

// unescaped is the character that a backslash and c stand for.
func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// appendUnits appends what "uXXXX" at the start of s stands for, or
// "uXXXX\uXXXX" if those are a surrogate pair, and returns what follows.
func appendUnits(value []byte, s string) (_ []byte, rest string) {
	unit, _ := codeUnit(s)
	rest = s[5:]
	if !utf16.IsSurrogate(unit) {
		return utf8.AppendRune(value, unit), rest
	}
	if next, ok := strings.CutPrefix(rest, `\`); ok {
		low, _ := codeUnit(next)
		if r := utf16.DecodeRune(unit, low); r != utf8.RuneError {
			return utf8.AppendRune(value, r), next[5:]
		}
	}
	return append(value, surrogateLead, 0x80|byte(unit>>6)&0x3F, 0x80|byte(unit)&0x3F), rest
}

// codeUnit is the code unit that "uXXXX" at the start of s stands for.
func codeUnit(s string) (unit rune, ok bool) {
	if len(s) < 5 || s[0] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[1:5], 16, 16)
	return rune(n), err == nil
}

// decodeUTF8 is s with U+FFFD for what is not UTF-8, as the Encoding Standard's
// UTF-8 decoder (https://encoding.spec.whatwg.org/#utf-8-decoder) has it: one
// for each byte that starts nothing, and one for each start of a character, of
// one byte or more, that does not go on as it should. Go's own conversions
// replace every byte, or every run of bytes.
func decodeUTF8(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for s != "" {
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && size == 1 {
			for size < len(s) && !utf8.FullRuneInString(s[:size+1]) {
				size++ // still a start that could go on
			}
		}
		b.WriteRune(r)
		s = s[size:]
	}
	return b.String()
}

// appendQuoted appends WTF-8 as JSON.stringify writes a string (ECMA-262,
// QuoteJSONString).
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for {
		plain := plainPrefix(s)
		dst = append(dst, s[:plain]...)
		if s = s[plain:]; s == "" {
			return append(dst, '"')
		}
		size := 1
		switch c := s[0]; {
		case c < utf8.RuneSelf:
			dst = appendEscape(dst, c)
		case c == surrogateLead && s[1] >= surrogateSecond:
			dst = appendHex(dst, surrogate(s))
			size = 3
		default:
			dst = append(dst, c)
		}
		s = s[size:]
	}
}

// plainPrefix is how many bytes at the start of s are ASCII that stands in a
// JSON string as it is.
func plainPrefix(s string) int {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return i
		}
	}
	return len(s)
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	return appendHex(dst, rune(c))
}

// appendHex appends a code unit as \uxxxx.
func appendHex(dst []byte, unit rune) []byte {
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', digits[unit>>12], digits[unit>>8&0xF], digits[unit>>4&0xF], digits[unit&0xF])
}

// A lone surrogate in WTF-8 starts with surrogateLead and a byte that is
// surrogateSecond or more. No character in UTF-8 does.
const (
	surrogateLead   = 0xED
	surrogateSecond = 0xA0
)

// surrogate is the lone surrogate at the start of s.
func surrogate(s string) rune {
	return 0xD000 | rune(s[1]&0x3F)<<6 | rune(s[2]&0x3F)
}
