// Package pointer reads values out of JSON by JSON Pointers (RFC 6901) without
// decoding the rest. A segment "*" stands for several values.
//
// Where an object has a member twice, the last one counts, as it does for
// encoding/json and most receivers.
package pointer

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Every is the segment that stands for each element of an array.
const Every = "*"

// unescape reads a segment (RFC 6901, section 4).
var unescape = strings.NewReplacer("~1", "/", "~0", "~")

// Pointer leads to values in JSON. It never changes.
type Pointer struct {
	text  string
	steps []step
	// members has "*" stand for each member of an object too.
	members bool
}

// step is one segment.
type step struct {
	name  string // of a member
	index int    // of an element; -1 if it is none
	every bool
}

// Parse reads a pointer. In an object, "*" is the name of a member.
func Parse(text string) (*Pointer, error) { return parse(text, false) }

// ParseWide reads a pointer in which "*" stands for any member of an object too.
func ParseWide(text string) (*Pointer, error) { return parse(text, true) }

func parse(text string, members bool) (*Pointer, error) {
	if err := Check(text); err != nil {
		return nil, err
	}
	p := &Pointer{text: text, members: members}
	for segment := range strings.SplitSeq(text[1:], "/") {
		s := step{name: unescape.Replace(segment), index: -1, every: segment == Every}
		if i, err := strconv.Atoi(segment); err == nil && i >= 0 && strconv.Itoa(i) == segment {
			s.index = i
		}
		p.steps = append(p.steps, s)
	}
	return p, nil
}

// Check says what is wrong with the text of a pointer.
func Check(text string) error {
	if !strings.HasPrefix(text, "/") {
		return errors.New("write a JSON pointer, which starts with \"/\"")
	}
	for i := range len(text) {
		if text[i] == '~' && (i+1 == len(text) || text[i+1] != '0' && text[i+1] != '1') {
			return errors.New("write \"~0\" for \"~\" and \"~1\" for \"/\" in a JSON pointer")
		}
	}
	return nil
}

// String is the pointer as it was written.
func (p *Pointer) String() string { return p.text }

// Append appends the values that the pointer leads to, as they are written in
// data, and which they share. What is no JSON has none.
func (p *Pointer) Append(found [][]byte, data []byte) [][]byte {
	r := reader{data: data, members: p.members}
	return r.find(found, r.space(0), p.steps)
}

// Texts appends what the strings, numbers and booleans among the values say:
// strings without quotes and escapes, the others as they are written.
func (p *Pointer) Texts(found [][]byte, data []byte) [][]byte {
	start := len(found)
	found = p.Append(found, data)
	kept := found[:start]
	for _, value := range found[start:] {
		if text, ok := textOf(value); ok {
			kept = append(kept, text)
		}
	}
	return kept
}

func textOf(value []byte) ([]byte, bool) {
	switch {
	case len(value) == 0:
		return nil, false
	case value[0] == '"':
		return unquote(value)
	default:
		return value, value[0] != '{' && value[0] != '[' && value[0] != 'n'
	}
}

// unquote is what a string of JSON says.
func unquote(quoted []byte) ([]byte, bool) {
	if len(quoted) < 2 {
		return nil, false
	}
	if text := quoted[1 : len(quoted)-1]; bytes.IndexByte(text, '\\') < 0 && utf8.Valid(text) {
		return text, true
	}
	var text string
	err := json.Unmarshal(quoted, &text)
	return []byte(text), err == nil
}

// reader walks through JSON. Its methods take where a value starts and return
// where it ends, -1 if it does not. It judges no more of the form than it needs.
type reader struct {
	data    []byte
	members bool
}

func (r *reader) find(found [][]byte, i int, steps []step) [][]byte {
	switch {
	case i < 0 || i >= len(r.data):
		return found
	case len(steps) == 0:
		if end := r.skip(i); end > i {
			found = append(found, r.data[i:end])
		}
		return found
	case r.data[i] == '{' && steps[0].every && r.members:
		return r.everyMember(found, i, steps[1:])
	case r.data[i] == '{':
		return r.find(found, r.member(i, steps[0].name), steps[1:])
	case r.data[i] == '[':
		return r.elements(found, i, steps)
	default:
		return found
	}
}

func (r *reader) elements(found [][]byte, i int, steps []step) [][]byte {
	s := steps[0]
	if !s.every && s.index < 0 {
		return found
	}
	if i = r.space(i + 1); r.at(i, ']') {
		return found
	}
	for n := 0; i >= 0; n++ {
		if s.every || n == s.index {
			found = r.find(found, i, steps[1:])
		}
		if n == s.index {
			return found
		}
		i = r.next(r.skip(i))
	}
	return found
}

// member is where the value of the last member with the name starts, -1 if there
// is none.
func (r *reader) member(i int, name string) int {
	last := -1
	for at, value := r.firstMember(i); value >= 0; at, value = r.nextMember(value) {
		if is(at, name) {
			last = value
		}
	}
	return last
}

func (r *reader) everyMember(found [][]byte, i int, steps []step) [][]byte {
	last := map[string]int{}
	for name, value := r.firstMember(i); value >= 0; name, value = r.nextMember(value) {
		if text, ok := unquote(name); ok {
			last[string(text)] = value
		}
	}
	for name, value := r.firstMember(i); value >= 0; name, value = r.nextMember(value) { // in their order
		if text, ok := unquote(name); ok && last[string(text)] == value {
			found = r.find(found, value, steps)
		}
	}
	return found
}

// firstMember is the quoted name of an object's first member, and where its
// value starts; -1 if there is none.
func (r *reader) firstMember(i int) (name []byte, value int) { return r.nameAt(r.space(i + 1)) }

// nextMember is the one after the member whose value starts at i.
func (r *reader) nextMember(i int) (name []byte, value int) { return r.nameAt(r.next(r.skip(i))) }

func (r *reader) nameAt(i int) (name []byte, value int) {
	if !r.at(i, '"') {
		return nil, -1
	}
	end := r.quoted(i)
	colon := r.space(end)
	if !r.at(colon, ':') {
		return nil, -1
	}
	if value = r.space(colon + 1); value >= len(r.data) {
		return nil, -1
	}
	return r.data[i:end], value
}

// is reports whether a quoted name means name.
func is(quoted []byte, name string) bool {
	raw := quoted[1 : len(quoted)-1]
	for _, c := range raw {
		if c == '\\' || c >= utf8.RuneSelf {
			text, ok := unquote(quoted)
			return ok && string(text) == name
		}
	}
	return string(raw) == name
}

// next is where the value after the one that ends at i starts; -1 if there is
// none.
func (r *reader) next(i int) int {
	if i = r.space(i); !r.at(i, ',') {
		return -1
	}
	return r.space(i + 1)
}

// skip is the end of the value that starts at i.
func (r *reader) skip(i int) int {
	depth := 0
	for i >= 0 && i < len(r.data) {
		switch r.data[i] {
		case '"':
			i = r.quoted(i)
		case '{', '[':
			depth++
			i++
			continue
		case '}', ']':
			depth--
			i++
		case ',', ':', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return -1
			}
			i++
			continue
		default:
			i = r.word(i)
		}
		if depth <= 0 {
			return i
		}
	}
	return -1
}

// word is the end of a number, true, false or null.
func (r *reader) word(i int) int {
	for ; i < len(r.data); i++ {
		switch r.data[i] {
		case ',', ':', ' ', '\t', '\n', '\r', '}', ']', '{', '[', '"':
			return i
		}
	}
	return i
}

// quoted is the end of a string.
func (r *reader) quoted(i int) int {
	for i++; i < len(r.data); i++ {
		switch r.data[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return -1
}

func (r *reader) at(i int, c byte) bool { return i >= 0 && i < len(r.data) && r.data[i] == c }

func (r *reader) space(i int) int {
	for i >= 0 && i < len(r.data) && (r.data[i] == ' ' || r.data[i] == '\n' || r.data[i] == '\t' || r.data[i] == '\r') {
		i++
	}
	return i
}
