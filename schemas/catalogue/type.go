package catalogue

import (
	"encoding/json"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/pointer"
)

// Type is what the catalogue knows of an event type: the content of its file.
// It is shared by many goroutines and never changes.
type Type struct {
	// Type is the CloudEvents type: segments of letters, digits and '_' between
	// dots.
	Type string `json:"type"`
	// Domain is what the type belongs to, like "users".
	Domain string `json:"domain"`
	// Meaning says in one sentence what has happened.
	Meaning string `json:"meaning"`
	// Dialects hold what the type is called where it has a name of its own. Open
	// dialects are not among them: they carry every type under its own name.
	Dialects map[schemas.Dialect]Words `json:"dialects,omitempty"`
	// Involves are JSON pointers (RFC 6901) into the data that lead to the ids
	// and e-mail addresses of the users whom the event is from, about or for. A
	// segment "*" stands for each element of an array.
	Involves []string `json:"involves,omitempty"`
	// Filters are the fields a subscription can be narrowed by: the filter's
	// name, and the JSON pointer to the field.
	Filters map[string]string `json:"filters,omitempty"`
	// Channel is the JSON pointer to the channel the event belongs to; empty if
	// it belongs to none.
	Channel string `json:"channel,omitempty"`
	// Schema is the JSON Schema (2020-12) of the data.
	Schema json.RawMessage `json:"schema"`
	// Valid are examples of the data, at least one.
	Valid []json.RawMessage `json:"valid"`
	// Invalid are examples of data that the schema refuses, at least one.
	Invalid []Invalid `json:"invalid"`

	rules      *jsonschema.Schema
	quick      *quick // the same rules
	budget     budget
	involving  []*pointer.Pointer // Involves
	channel    *pointer.Pointer   // Channel; nil if there is none
	definition json.RawMessage
}

// Words are how a dialect words an event type.
type Words struct {
	// Name is what the dialect calls the type.
	Name string `json:"name"`
	// Members are the members of the event's data that the dialect sends, in
	// this order; nil means all of them.
	Members []string `json:"members,omitempty"`
}

// Invalid is an example of what data may not be.
type Invalid struct {
	Data json.RawMessage `json:"data"`
	// Error is what the text of the error contains.
	Error string `json:"error"`
}

// Validate holds an event's data to the type's schema. No data counts as null.
// The error is a [*schemas.Error] of [schemas.CodeInvalid] that names one field
// by its JSON pointer, and the rule it breaks:
//
//	data/current/email: must be a string, is a number
//
// The text is the same each time, and repeats no value of the data. Data that
// would take too long to judge is refused for that.
func (t *Type) Validate(data []byte) error {
	if t.quick.allows(data) {
		return nil
	}
	if err := t.budget.allows(data); err != nil {
		return err
	}
	value, err := decode(data)
	if err != nil {
		return schemas.Errorf(schemas.CodeInvalid, "data: is not JSON: %w", err)
	}
	if err := t.rules.Validate(value); err != nil {
		return schemas.Errorf(schemas.CodeInvalid, "%s", problemOf(err).at("data"))
	}
	return nil
}

// Definition is the content of the type's file. [Parse] reads it.
func (t *Type) Definition() json.RawMessage { return t.definition }

// In reports whether a dialect carries the type. A nil type is one that the
// catalogue does not know: open dialects carry it too.
func (t *Type) In(d schemas.Dialect) bool {
	if d.Open() {
		return true
	}
	if t == nil {
		return false
	}
	_, ok := t.Dialects[d]
	return ok
}
