package ecmascript

import (
	"math"
	"strconv"
)

// appendNumber appends a JSON number as JSON.stringify writes its value.
func appendNumber(dst []byte, literal string) []byte {
	if isShortInteger(literal) {
		return append(dst, literal...)
	}
	f, _ := strconv.ParseFloat(literal, 64) // the error is that of a value out of range, which is ±Inf
	switch abs := math.Abs(f); {
	case math.IsInf(f, 0):
		return append(dst, "null"...)
	case f == 0:
		return append(dst, '0') // -0 too
	case 1e-6 <= abs && abs < 1e21: // ECMA-262, Number::toString
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	return appendExponent(dst, f)
}

// appendExponent appends f with an exponent. Go writes at least two digits of
// it, JavaScript no zero before the first.
func appendExponent(dst []byte, f float64) []byte {
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	if n := len(dst); dst[n-4] == 'e' && dst[n-2] == '0' {
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

// isShortInteger reports whether a literal is up to 15 digits and nothing else:
// a float64 holds such a number exactly, so it is written as it stands.
func isShortInteger(literal string) bool {
	if len(literal) > 15 {
		return false
	}
	for _, c := range []byte(literal) {
		if !isDigit(c) {
			return false
		}
	}
	return true
}
