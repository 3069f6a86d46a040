package ecmascript

import "unicode/utf8"

// Stringify appends what JSON.stringify(JSON.parse(text)) returns. If text is
// not JSON, or is nested too deeply, it returns dst as it was and a
// [schemas.Error] of [schemas.CodeInvalid].
func Stringify(dst, text []byte) ([]byte, error) {
	return rewrite(dst, text, propertyOrder)
}

// Canonicalize appends the value of text in the JSON Canonicalization Scheme
// (RFC 8785), with the members of every object sorted by the UTF-16 code units
// of their names. That is what canonicalize(JSON.parse(text)) of npm
// json-canonicalize returns, except for a member "toJSON": see the package
// comment. It returns the errors that [Stringify] does.
func Canonicalize(dst, text []byte) ([]byte, error) {
	return rewrite(dst, text, nameOrder)
}

// AppendString appends s as JSON.stringify writes a string. Bytes that are not
// UTF-8 become U+FFFD first.
func AppendString(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = decodeUTF8(s)
	}
	return appendQuoted(dst, s)
}

func rewrite(dst, text []byte, o order) ([]byte, error) {
	// One copy, which every name and string of the document is a part of.
	nodes, err := parse(string(text))
	if err != nil {
		return dst, err
	}
	w := writer{out: dst, nodes: nodes, order: o, members: make([]member, 0, 32)}
	w.value(0)
	return w.out, nil
}
