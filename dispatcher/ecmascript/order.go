package ecmascript

import (
	"cmp"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// order is the order in which an object's members are written.
type order uint8

const (
	propertyOrder order = iota // array indexes first, ascending, then as they came (ECMA-262, OrdinaryOwnPropertyKeys)
	nameOrder                  // by the UTF-16 code units of the names (RFC 8785, section 3.2.3)
)

// member is a member of an object.
type member struct {
	name  int    // the node of its name: the smaller came first
	value int    // the node of its value
	index uint64 // the name as an array index, or notIndex
}

const (
	maxIndex = 1<<32 - 2 // the largest array index: ECMA-262, section 6.1.7
	notIndex = maxIndex + 1
)

// arrange puts an object's members into order and returns how many are left:
// of those with the same name the first stays, with the value of the last.
func (w *writer) arrange(members []member) int {
	slices.SortFunc(members, w.byName)
	count := 0
	for i, m := range members {
		if i > 0 && w.name(m) == w.name(members[count-1]) {
			members[count-1].value = m.value
			continue
		}
		members[count] = m
		count++
	}
	if w.order == propertyOrder {
		slices.SortFunc(members[:count], byIndex)
	}
	return count
}

func (w *writer) byName(a, b member) int {
	if w.name(a) == w.name(b) {
		return a.name - b.name
	}
	return compareUTF16(w.name(a), w.name(b))
}

func byIndex(a, b member) int {
	if a.index == b.index {
		return a.name - b.name
	}
	return cmp.Compare(a.index, b.index)
}

// arrayIndex is the array index that a name is in its canonical form, or
// notIndex.
func arrayIndex(name string) uint64 {
	if name == "" || len(name) > len("4294967294") || !isDigit(name[0]) || name[0] == '0' && name != "0" {
		return notIndex
	}
	index, err := strconv.ParseUint(name, 10, 64)
	if err != nil || index > maxIndex {
		return notIndex
	}
	return index
}

// compareUTF16 compares WTF-8 by UTF-16 code units, as JavaScript's "<" does.
// The order of bytes is another one: U+FFFD is before U+1F600 there, and after
// its first surrogate here.
func compareUTF16(a, b string) int {
	ua, ub := units{rest: a}, units{rest: b}
	for {
		x, y := ua.next(), ub.next()
		if x != y || x < 0 {
			return cmp.Compare(x, y)
		}
	}
}

// units is a string's UTF-16 code units, one after the other.
type units struct {
	rest string // WTF-8
	low  rune   // the second half of a pair whose first was read, or 0
}

// next is the next code unit, or -1 after the last.
func (u *units) next() rune {
	if u.low != 0 {
		unit := u.low
		u.low = 0
		return unit
	}
	if u.rest == "" {
		return -1
	}
	if c := u.rest[0]; c < utf8.RuneSelf {
		u.rest = u.rest[1:]
		return rune(c)
	}
	r, size := utf8.DecodeRuneInString(u.rest)
	if r == utf8.RuneError && size == 1 {
		r, size = surrogate(u.rest), 3
	}
	u.rest = u.rest[size:]
	if r < 0x10000 {
		return r
	}
	r, u.low = utf16.EncodeRune(r)
	return r
}
