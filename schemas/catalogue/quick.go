package catalogue

import (
	"bytes"
	"unicode/utf8"
)

// quick judges JSON by a schema without decoding it, and only ever says yes.
// Whatever it doubts, from a keyword it does not know to a letter that is
// escaped, is left to the validator, whose judgement counts. So it can be wrong
// in one way only, by passing what the validator refuses: a fuzz test compares
// the two.
//
// Nil allows everything.
type quick struct {
	doubt bool // has a keyword that is not judged here
	all   []*quick
	any   []*quick // one of them is enough; nil asks for nothing
	own   bool     // has more rules than all and any

	types  jsonTypes
	values map[any]bool // what it may be; nil asks for nothing

	format       string
	fewest, most int // characters or elements; -1 asks for nothing

	members  map[string]member
	required uint64 // the bits of the members that must be there
	others   *quick // what members without a name in members have to be
	items    *quick
}

type member struct {
	*quick
	bit uint64
}

// jsonTypes is a set of the types of JSON values; the empty set is all.
type jsonTypes uint8

const (
	typeNull jsonTypes = 1 << iota
	typeBoolean
	typeInteger
	typeNumber
	typeString
	typeArray
	typeObject
)

// The work is bounded whatever the schema: by how deep a value may be, and by
// how many rules are tried for each byte. So many bytes of a string read are as
// much as a rule tried.
const (
	maxDepth     = 100
	rulesPerByte = 8
	bytesPerRule = 4
)

// allows reports that data is JSON that keeps the rules. False means that the
// validator must judge.
func (q *quick) allows(data []byte) bool {
	r := reader{data: data, left: rulesPerByte*len(data) + 64}
	end := r.value(q, r.space(0), 0)
	return end >= 0 && r.space(end) == len(data)
}

// reader reads JSON (RFC 8259). Its methods take where something starts and
// return where it ends, or -1 for what is not allowed or in doubt.
type reader struct {
	data []byte
	left int // how many rules may yet be tried
}

func (r *reader) value(q *quick, i, depth int) int {
	r.left--
	if i < 0 || i >= len(r.data) || depth > maxDepth || r.left < 0 {
		return -1
	}
	if q != nil {
		end := r.combined(q, i, depth)
		if q.doubt || end < 0 {
			return -1
		}
		if !q.own {
			return end
		}
	}
	switch r.data[i] {
	case '"':
		return r.text(q, i)
	case '{':
		return r.object(q, i, depth)
	case '[':
		return r.array(q, i, depth)
	case 'n':
		return r.word(q, i, "null", typeNull, nil)
	case 't':
		return r.word(q, i, "true", typeBoolean, true)
	case 'f':
		return r.word(q, i, "false", typeBoolean, false)
	default:
		return r.number(q, i)
	}
}

// combined judges the value by the rules that the rule combines.
func (r *reader) combined(q *quick, i, depth int) (end int) {
	for _, rule := range q.all {
		if end = r.value(rule, i, depth+1); end < 0 {
			return -1
		}
	}
	if q.any == nil {
		return end
	}
	for _, rule := range q.any {
		if end = r.value(rule, i, depth+1); end >= 0 {
			return end
		}
	}
	return -1
}

// is reports whether the rule allows the type.
func (q *quick) is(t jsonTypes) bool { return q == nil || q.types == 0 || q.types&t != 0 }

// fits reports whether the rule allows as many characters or elements.
func (q *quick) fits(n int) bool { return n >= q.fewest && (q.most < 0 || n <= q.most) }

func (r *reader) object(q *quick, i, depth int) int {
	if !q.is(typeObject) || q != nil && q.values != nil {
		return -1
	}
	var seen uint64
	i = r.space(i + 1)
	if r.at(i, '}') {
		i++
	} else {
		for more := true; more; {
			name := i
			if i = r.quoted(name); i < 0 {
				return -1
			}
			rule, bit, ok := q.member(r.data[name+1 : i-1])
			if i = r.space(i); !ok || !r.at(i, ':') {
				return -1
			}
			seen |= bit
			i, more = r.next(r.value(rule, r.space(i+1), depth+1), '}')
		}
	}
	if q != nil && seen&q.required != q.required {
		return -1
	}
	return i
}

// member is the rule for a member and the bit that stands for it. A name that
// is not as it is written is not known.
func (q *quick) member(name []byte) (rule *quick, bit uint64, ok bool) {
	if q == nil || len(q.members) == 0 && q.others == nil {
		return nil, 0, true
	}
	if !plainText(name) {
		return nil, 0, false
	}
	if m, ok := q.members[string(name)]; ok {
		return m.quick, m.bit, true
	}
	return q.others, 0, true
}

func (r *reader) array(q *quick, i, depth int) int {
	if !q.is(typeArray) || q != nil && q.values != nil {
		return -1
	}
	var items *quick
	if q != nil {
		items = q.items
	}
	n := 0
	i = r.space(i + 1)
	if r.at(i, ']') {
		i++
	} else {
		for more := true; more; n++ {
			i, more = r.next(r.value(items, i, depth+1), ']')
		}
	}
	if q != nil && !q.fits(n) {
		return -1
	}
	return i
}

// next is where the next member or element starts, after the one that ends at
// i; or, with no more, the end of them all.
func (r *reader) next(i int, closing byte) (end int, more bool) {
	switch i = r.space(i); {
	case r.at(i, closing):
		return i + 1, false
	case r.at(i, ','):
		return r.space(i + 1), true
	default:
		return -1, false
	}
}

func (r *reader) text(q *quick, i int) int {
	end := r.quoted(i)
	if end < 0 || q == nil {
		return end
	}
	r.left -= (end - i) / bytesPerRule // a rule for the same string reads it again
	if !q.is(typeString) {
		return -1
	}
	if q.values == nil && q.format == "" && q.fewest <= 0 && q.most < 0 {
		return end
	}
	text := r.data[i+1 : end-1]
	switch {
	case bytes.IndexByte(text, '\\') >= 0, !q.fits(utf8.RuneCount(text)):
		return -1
	case q.values != nil && !q.values[string(text)]:
		return -1
	case q.format != "" && !isTime(text):
		return -1
	}
	return end
}

// quoted reads a string of JSON.
func (r *reader) quoted(i int) int {
	if !r.at(i, '"') {
		return -1
	}
	for i++; i < len(r.data); i++ {
		switch c := r.data[i]; {
		case c == '"':
			return i + 1
		case c < ' ':
			return -1
		case c == '\\':
			i++
			if i < len(r.data) && r.data[i] == 'u' {
				if i+4 >= len(r.data) || !isHex(r.data[i+1:i+5]) {
					return -1
				}
				i += 4
			} else if i >= len(r.data) || bytes.IndexByte([]byte(`"\/bfnrt`), r.data[i]) < 0 {
				return -1
			}
		}
	}
	return -1
}

func (r *reader) word(q *quick, i int, word string, t jsonTypes, value any) int {
	end := i + len(word)
	if end > len(r.data) || string(r.data[i:end]) != word || !q.is(t) {
		return -1
	}
	if q != nil && q.values != nil && !q.values[value] {
		return -1
	}
	return end
}

// number passes a whole number for an integer only if it is written as one.
func (r *reader) number(q *quick, i int) int {
	types := typeInteger | typeNumber
	if r.at(i, '-') {
		i++
	}
	first := i
	if i = r.digits(i); r.at(first, '0') && i > first+1 {
		return -1
	}
	if r.at(i, '.') {
		i, types = r.digits(i+1), typeNumber
	}
	if r.at(i, 'e') || r.at(i, 'E') {
		if i++; r.at(i, '+') || r.at(i, '-') {
			i++
		}
		i, types = r.digits(i), typeNumber
	}
	if !q.is(types) || q != nil && q.values != nil {
		return -1
	}
	return i
}

// digits are one or more.
func (r *reader) digits(i int) int {
	start := i
	for i < len(r.data) && isDigit(r.data[i]) {
		i++
	}
	if i == start {
		return -1
	}
	return i
}

func (r *reader) at(i int, c byte) bool { return i >= 0 && i < len(r.data) && r.data[i] == c }

func (r *reader) space(i int) int {
	for i >= 0 && i < len(r.data) && (r.data[i] == ' ' || r.data[i] == '\n' || r.data[i] == '\t' || r.data[i] == '\r') {
		i++
	}
	return i
}

func isHex(b []byte) bool {
	for _, c := range b {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}

// plainText reports a string whose bytes are what it means.
func plainText(b []byte) bool {
	for _, c := range b {
		if c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
