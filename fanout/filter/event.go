package filter

import (
	"time"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/pointer"
)

// Event is an event that conditions are tried on. It is for one goroutine.
type Event struct {
	header schemas.Header
	data   []byte
	// read are the texts that pointers led to; byName finds them once they are
	// many.
	read   []reading
	byName map[string]int
	sql    sqlEvent
	vars   variables
	// failures counts the expressions that could not be judged.
	failures int
}

// reading is what was found at a pointer.
type reading struct {
	name  string
	texts [][]byte
}

// fewReadings are searched one by one.
const fewReadings = 8

// Reset makes it the event with these attributes, as [schemas.EncodeEvent] writes
// them, and data.
func (e *Event) Reset(h schemas.Header, data []byte) {
	clear(e.read)
	*e = Event{header: h, data: data, read: e.read[:0]}
	e.vars.event = e
}

// Failures is how many expressions could not be judged since Reset.
func (e *Event) Failures() int { return e.failures }

// Source is where a condition finds what it compares: an attribute, or data.
type Source struct {
	name    string
	pointer *pointer.Pointer // nil for an attribute
	number  bool             // as a key's: what is compared is a number
}

// newSource reads a name as [schemas.Filter] has it.
func newSource(name string) (Source, error) {
	if name[0] != '/' {
		return Source{name: name}, nil
	}
	p, err := pointer.ParseWide(name)
	return Source{name: name, pointer: p}, err
}

// Name is the attribute or the pointer.
func (s Source) Name() string { return s.name }

// OfData reports whether the source is data.
func (s Source) OfData() bool { return s.pointer != nil }

// Attribute is an attribute of the event.
func (e *Event) Attribute(name string) (string, bool) { return schemas.AttributeOf(e.header, name) }

// Known are the texts at a source of data, if they have been read.
func (e *Event) Known(s Source) (texts [][]byte, ok bool) {
	if e.byName != nil {
		i, ok := e.byName[s.name]
		if !ok {
			return nil, false
		}
		return e.read[i].texts, true
	}
	for i := range e.read {
		if e.read[i].name == s.name {
			return e.read[i].texts, true
		}
	}
	return nil, false
}

// Texts are the texts of the strings, numbers and booleans at a source of data.
func (e *Event) Texts(s Source) [][]byte {
	if texts, ok := e.Known(s); ok {
		return texts
	}
	texts := s.pointer.Texts(nil, e.data)
	e.read = append(e.read, reading{s.name, texts})
	switch n := len(e.read); {
	case e.byName != nil:
		e.byName[s.name] = n - 1
	case n > fewReadings:
		e.byName = make(map[string]int, 2*n)
		for i := range e.read {
			e.byName[e.read[i].name] = i
		}
	}
	return texts
}

// some reports whether the source has a value that fits, and whether it has one at all.
func (e *Event) some(s Source, fits func(string) bool) (found, there bool) {
	if !s.OfData() {
		value, ok := e.Attribute(s.name)
		return ok && fits(value), ok
	}
	texts := e.Texts(s)
	for _, text := range texts {
		if fits(string(text)) {
			return true, true
		}
	}
	return false, len(texts) > 0
}

// time is the attribute of that name.
func (e *Event) time() (time.Time, bool) {
	text, ok := e.Attribute("time")
	if !ok {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	return t, err == nil
}
