package ecmascript_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
)

// generator makes up documents that touch every rule of the package.
type generator struct{ *rand.Rand }

// text is a document, and now and then one with a wrong byte or two.
func (g generator) text() string {
	s := []byte(g.value(4))
	for g.IntN(8) == 0 {
		s[g.IntN(len(s))] = pick(g, []byte("\"\\{}[]:,0-.eEu \n\x00\x80\xff"))
	}
	return string(s)
}

// value is a value with at most so many arrays and objects around another.
func (g generator) value(depth int) string {
	n := 10
	if depth == 0 {
		n = 6
	}
	s := g.space()
	switch g.IntN(n) {
	case 0:
		s += pick(g, []string{"true", "false", "null"})
	case 1, 2:
		s += g.number()
	case 3, 4, 5:
		s += g.str()
	case 6:
		s += "[" + g.list(func() string { return g.value(depth - 1) }) + "]"
	default:
		s += "{" + g.list(func() string { return g.space() + g.name() + g.space() + ":" + g.value(depth-1) }) + "}"
	}
	return s + g.space()
}

func (g generator) list(item func() string) string {
	most := 8
	if g.IntN(20) == 0 {
		most = 80 // another way of sorting
	}
	items := make([]string, g.IntN(most))
	for i := range items {
		items[i] = item()
	}
	if len(items) == 0 {
		return g.space()
	}
	return strings.Join(items, ",")
}

func (g generator) space() string {
	if g.IntN(6) > 0 {
		return ""
	}
	return pick(g, []string{" ", "\n", "\t", "\r\n", "  "})
}

// names has few enough that they repeat. None is "toJSON": JSON.stringify calls
// no method of what JSON.parse returned, but json-canonicalize is misled by it.
var names = []string{
	"a", "b", "A", "", "é", "😀", "😁", "\ufffd", "\ue000", "\uffff", "\x80", `\ud800`, `\ud83d`, `\ud83e`, `\udc00`, `\uD800`, `\ud83d\ude00`, `\u0061`, `\u0000`, `\n`,
	"0", "1", "2", "9", "10", `\u0031`, "4294967293", "4294967294", "4294967295", "4294967296", "99999999999", "00", "01", "-0", "-1", "+1", "1.0", "1.5", "1e1", " 1", "NaN", "Infinity",
	"__proto__", "constructor", "length", "toString", "hasOwnProperty", "valueOf",
}

func (g generator) name() string {
	switch g.IntN(8) {
	case 0:
		return g.str()
	case 1:
		return fmt.Sprintf(`"%d"`, g.Uint32())
	case 2:
		return fmt.Sprintf(`"%d"`, g.IntN(30))
	case 3:
		return `"` + pick(g, names) + pick(g, names) + `"`
	}
	return `"` + pick(g, names) + `"`
}

// str is a string with its quotes.
func (g generator) str() string {
	var b strings.Builder
	for range g.IntN(6) {
		b.WriteString(g.piece())
	}
	return `"` + b.String() + `"`
}

func (g generator) piece() string {
	switch g.IntN(8) {
	case 0:
		return pick(g, []string{"<b>&'/", "plain", "\u2028", "\u2029", "\ufeff", "\x7f", "é", "日本", "😀"})
	case 1:
		return pick(g, []string{`\"`, `\\`, `\/`, `\b`, `\f`, `\n`, `\r`, `\t`})
	case 2:
		return fmt.Sprintf(pick(g, []string{`\u%04x`, `\u%04X`}), g.IntN(0x10000))
	case 3: // a surrogate, most likely alone
		return fmt.Sprintf(`\u%04x`, 0xD800+g.IntN(0x800))
	case 4: // a pair
		return fmt.Sprintf(`\u%04x\u%04X`, 0xD800+g.IntN(0x400), 0xDC00+g.IntN(0x400))
	case 5:
		return fmt.Sprintf(`\u%04x`, g.IntN(0x80))
	case 6:
		return string(rune(0x80 + g.IntN(0x10FF80)))
	}
	return g.bytes()
}

// bytes is most likely not UTF-8, and often begins like a character.
func (g generator) bytes() string {
	s := pick(g, []string{"", "\xc3", "\xe0", "\xe2\x82", "\xed\xa0", "\xed\x9f", "\xef\xbf", "\xf0\x9f", "\xf0\x8f", "\xf4\x8f\xbf", "\xf4\x90", "\xc0", "\xf8\x88"})
	for range g.IntN(4) {
		s += string([]byte{byte(0x80 + g.IntN(0x80))})
	}
	return s
}

// edges are numbers at which something changes.
var edges = []string{
	"0", "-0", "0.0", "-0.0", "0e9999", "-0E-5", "1.0", "100e-2", "1e20", "1e21", "999999999999999900000", "999999999999999934463", "999999999999999934465", "1e-6", "1e-7", "0.00000099999999999999999",
	"9007199254740991", "9007199254740992", "9007199254740993", "-9007199254740993", "123456789012345", "999999999999999", "1000000000000000", "1234567890123456", "12345678901234567",
	"5e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "1e-400", "-1e-400", "2.2250738585072011e-308", "2.2250738585072014e-308",
	"1.7976931348623157e308", "1.7976931348623158e308", "1.7976931348623159e308", "1e309", "-1e309", "1e99999", "4.35", "0.1", "1E+2", "1e+09", "1e-09",
}

// number is a number's literal.
func (g generator) number() string {
	f := math.Float64frombits(g.Uint64())
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return pick(g, edges)
	}
	switch g.IntN(8) {
	case 0:
		return strconv.FormatFloat(f, 'e', -1, 64)
	case 1:
		return strconv.FormatFloat(f, 'e', g.IntN(30), 64)
	case 2:
		return strconv.FormatFloat(g.NormFloat64()*math.Pow10(g.IntN(30)-8), 'f', -1, 64)
	case 3:
		return sign(g) + strings.TrimLeft(g.digits(1+g.IntN(25)), "0") + "1"
	case 4:
		return sign(g) + "0." + g.digits(1+g.IntN(30))
	case 5:
		return fmt.Sprintf("%s%d.%s%s%d", sign(g), g.IntN(10), g.digits(1+g.IntN(20)), pick(g, []string{"e", "E", "e+", "e-", "E-"}), g.IntN(330))
	case 6:
		return midpoint(g.NormFloat64() * math.Pow10(g.IntN(40)-15))
	}
	return pick(g, edges)
}

// midpoint is what lies exactly between f and the next float64, to the last
// digit: reading it needs more than 17 of them.
func midpoint(f float64) string {
	sum := new(big.Float).SetPrec(200).SetFloat64(f)
	sum.Add(sum, new(big.Float).SetFloat64(math.Nextafter(f, math.Inf(1))))
	return sum.Quo(sum, big.NewFloat(2)).Text('f', 150)
}

func (g generator) digits(n int) string {
	s := make([]byte, n)
	for i := range s {
		s[i] = byte('0' + g.IntN(10))
	}
	return string(s)
}

func sign(g generator) string { return pick(g, []string{"", "-"}) }

func pick[T any](g generator, from []T) T { return from[g.IntN(len(from))] }
