package schemas

import (
	"cmp"
	"slices"
	"strings"
)

// Attribute is an attribute of an event in its canonical string form
// (CloudEvents 1.0.2, "Type System"). The type it was published with is not
// kept: an extension that was a number or a boolean is its text.
type Attribute struct {
	Name  string
	Value string
}

// definedAttributes are those of CloudEvents 1.0.2, in its order.
var definedAttributes = []string{
	attributeID, attributeSource, attributeVersion, attributeType,
	attributeMediaType, attributeSchema, attributeSubject, attributeTime,
}

// AttributeOf is an attribute of the event whose header [EncodeEvent] wrote, in
// its canonical string form; false if the event does not have it.
func AttributeOf(h Header, name string) (value string, ok bool) {
	values := h[attributePrefix+name]
	if len(values) == 0 {
		return "", false
	}
	value, err := decodeValue(values[0])
	return value, err == nil
}

// Attributes are all of the event's: those that CloudEvents defines in the
// order of its specification, then the extensions by name.
func (d *Delivery) Attributes() []Attribute {
	all := make([]Attribute, 0, len(d.Event))
	for _, name := range definedAttributes {
		if _, ok := d.Event[name]; ok {
			all = append(all, Attribute{name[len(attributePrefix):], attribute(d.Event, name)})
		}
	}
	defined := len(all)
	for name := range d.Event {
		extension, ok := strings.CutPrefix(name, attributePrefix)
		if ok && !slices.Contains(definedAttributes, name) {
			all = append(all, Attribute{extension, attribute(d.Event, name)})
		}
	}
	slices.SortFunc(all[defined:], func(a, b Attribute) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// DataContentType is the media type of the data, or empty if the event has
// none.
func (d *Delivery) DataContentType() string { return attribute(d.Event, attributeMediaType) }
