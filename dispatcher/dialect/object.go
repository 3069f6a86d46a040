package dialect

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/tidings-dev/tidings/dispatcher/ecmascript"
	"github.com/tidings-dev/tidings/schemas"
)

// object is a JSON object whose members keep their order and their bytes.
type object []member

type member struct {
	name  string
	value []byte
}

// readObject reads an event's data, which must be a JSON object.
func readObject(data []byte) (object, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, schemas.Errorf(schemas.CodeInvalid, "data is no JSON object, which its dialect needs: publish one")
	}
	var o object
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, schemas.Errorf(schemas.CodeInvalid, "data: %w", err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, schemas.Errorf(schemas.CodeInvalid, "data: %w", err)
		}
		o = append(o, member{name: t.(string), value: value}) //nolint:forcetypeassert // in an object every other token is a name
	}
	return o, nil
}

// get is a member's value, or nil; of several with one name the last, as
// everybody reads them.
func (o object) get(name string) []byte {
	for _, m := range slices.Backward(o) {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

func (o object) without(name string) object {
	return slices.DeleteFunc(slices.Clone(o), func(m member) bool { return m.name == name })
}

// only are the named members that are there, in the order of the names.
func (o object) only(names []string) object {
	var picked object
	for _, name := range names {
		if value := o.get(name); value != nil {
			picked = append(picked, member{name, value})
		}
	}
	return picked
}

// text adds a member whose value is a string.
func (o object) text(name, value string) object {
	return append(o, member{name, ecmascript.AppendString(nil, value)})
}

func (o object) raw(name string, value []byte) object { return append(o, member{name, value}) }

func (o object) bytes() []byte {
	b := []byte{'{'}
	for i, m := range o {
		if i > 0 {
			b = append(b, ',')
		}
		b = ecmascript.AppendString(b, m.name)
		b = append(b, ':')
		b = append(b, m.value...)
	}
	return append(b, '}')
}

func isNull(value []byte) bool { return len(value) == 0 || string(value) == "null" }

// memberSession is the member of an event's data that tells in whose session it
// happened. RelayBox words it beside the data, the other systems not at all.
const memberSession = "session"

// worded is what a dialect sends of an event's data.
func worded(a Attempt) (data object, session []byte, err error) {
	o, err := readObject(a.Delivery.Data)
	if err != nil {
		return nil, nil, err
	}
	session = o.get(memberSession)
	if a.Words.Members != nil {
		return o.only(a.Words.Members), session, nil
	}
	return o.without(memberSession), session, nil
}
