package catalogue

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/pointer"
)

// everyElement is the segment of a pointer that stands for each element of an
// array.
const everyElement = pointer.Every

// escape writes a segment of a JSON pointer (RFC 6901, section 4).
var escape = strings.NewReplacer("~", "~0", "/", "~1")

// checkPointer says what is wrong with a JSON pointer. Whether it may stand for
// several values, the caller knows.
func checkPointer(text string, several bool) error {
	if err := pointer.Check(text); err != nil {
		return err
	}
	for segment := range strings.SplitSeq(text[1:], "/") {
		if !several && segment == everyElement {
			return errors.New("point at one value: \"*\" stands for several")
		}
	}
	return nil
}

// lookup is what a pointer leads to; nothing if the data has no such value, or
// if it is no pointer.
func lookup(data json.RawMessage, text string) (found []json.RawMessage) {
	p, err := pointer.Parse(text)
	if err != nil {
		return nil
	}
	for _, value := range p.Append(nil, data) {
		found = append(found, value)
	}
	return found
}

// Involving are the type's Involves, ready to read with; none if the type is
// unknown (nil).
func (t *Type) Involving() []*pointer.Pointer {
	switch {
	case t == nil:
		return nil
	case len(t.involving) == len(t.Involves):
		return t.involving
	}
	all, _ := pointers(t.Involves) // a type that Parse did not make
	return all
}

func pointers(texts []string) (all []*pointer.Pointer, err error) {
	for _, text := range texts {
		p, err := pointer.Parse(text)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// Rules are the type's schema, compiled; nil if [Parse] did not make the type.
func (t *Type) Rules() *jsonschema.Schema { return t.rules }

// Types are all types that the tenant knows, by name.
func (c *Catalogue) Types(tenant schemas.TenantID) map[string]*Type {
	c.mu.RLock()
	defer c.mu.RUnlock()
	all := maps.Clone(builtinByType())
	maps.Copy(all, c.own[""])
	maps.Copy(all, c.own[tenant])
	return all
}
