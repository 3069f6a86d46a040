package schemas

import (
	"encoding/json"
	"maps"
	"mime"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
	"github.com/go-json-experiment/json/jsontext"
)

// ValidateEvent holds an event to CloudEvents 1.0.2 and to what the pipe can
// deliver: data that is JSON, or no data. It does not use the SDK's Validate,
// whose text has many lines in random order.
func ValidateEvent(e *Event) error {
	ec, ok := e.Context.(*event.EventContextV1)
	if !ok {
		return Errorf(CodeInvalid, "event: specversion is %q: use \"1.0\"", e.SpecVersion())
	}
	if len(e.FieldErrors) > 0 { // setters of the SDK were given what is invalid
		name := slices.Sorted(maps.Keys(e.FieldErrors))[0]
		return Errorf(CodeInvalid, "event %q: %s: %w", ec.ID, name, e.FieldErrors[name])
	}
	if err := validateAttributes(ec); err != nil {
		return err
	}
	if len(ec.Extensions) > 0 {
		if err := validateExtensions(ec); err != nil {
			return err
		}
	}
	if len(e.DataEncoded) > 0 && !validJSON(e.DataEncoded) {
		return Errorf(CodeInvalid, "event %q: data is not valid JSON: %s", ec.ID, firstJSONError(e.DataEncoded))
	}
	return nil
}

// validJSON is [json.Valid], in a quarter of its time.
func validJSON(data []byte) bool {
	return jsontext.Value(data).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

func validateAttributes(ec *event.EventContextV1) error {
	for _, a := range [...]struct {
		name, value string
		set         bool
	}{
		{"id", ec.ID, true},
		{"source", ec.Source.String(), true},
		{"type", ec.Type, true},
		{"subject", optional(ec.Subject), ec.Subject != nil},
		{"datacontenttype", optional(ec.DataContentType), ec.DataContentType != nil},
		{"dataschema", ec.DataSchema.String(), ec.DataSchema != nil},
	} {
		if !a.set {
			continue
		}
		if strings.TrimSpace(a.value) == "" {
			return Errorf(CodeInvalid, "event %q: %s is empty: give it a value%s", ec.ID, a.name, orLeaveOut(a.name))
		}
		if err := validateText(ec.ID, a.name, a.value); err != nil {
			return err
		}
	}
	if n := len(encodeType(ec.Type)); n > MaxTypeSize {
		return Errorf(CodeInvalid, "event %q: type takes %d bytes in a subject: use at most %d", ec.ID, n, MaxTypeSize)
	}
	if ec.Time != nil {
		// RFC 3339 has years of four digits; the wire has UTC.
		if y := ec.Time.UTC().Year(); y < 0 || y > 9999 {
			return Errorf(CodeInvalid, "event %q: time is in the year %d of UTC: use 0 to 9999", ec.ID, y)
		}
	}
	if ec.DataContentType != nil && !isJSON(*ec.DataContentType) {
		return Errorf(CodeInvalid, "event %q: datacontenttype %q: use \"application/json\" (or a type that ends in +json)", ec.ID, *ec.DataContentType)
	}
	if ec.DataSchema != nil && !ec.DataSchema.IsAbs() {
		return Errorf(CodeInvalid, "event %q: dataschema %q is not an absolute URI: write it like \"https://example.com/schema.json\"", ec.ID, ec.DataSchema)
	}
	return nil
}

func validateExtensions(ec *event.EventContextV1) error {
	for name, v := range ec.Extensions {
		if !validExtension(name) {
			return Errorf(CodeInvalid, "event %q: extension %q: use a name of a-z and 0-9 that CloudEvents does not define itself", ec.ID, name)
		}
		text, ok := v.(string)
		if !ok {
			if _, err := types.Validate(v); err != nil {
				return Errorf(CodeInvalid, "event %q: extension %q: %w", ec.ID, name, err)
			}
		}
		if err := validateText(ec.ID, name, text); err != nil {
			return err
		}
	}
	return nil
}

// reserved tells whether CloudEvents gives the name a meaning itself.
func reserved(name string) bool {
	switch name {
	case "id", "source", "type", "specversion", "subject", "time", "datacontenttype", "dataschema", "data":
		return true
	}
	return false
}

// validExtension tells whether an extension may have the name (CloudEvents
// 1.0.2, "Naming Conventions").
func validExtension(name string) bool {
	return name != "" && !reserved(name) && strings.IndexFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }) < 0
}

// validateText refuses what may not stand in a CloudEvents String (CloudEvents
// 1.0.2, "Type System"): control characters, noncharacters, broken UTF-8.
func validateText(id, name, value string) error {
	for i, r := range value {
		if r >= ' ' && r < 0x7f {
			continue
		}
		broken := false
		if r == utf8.RuneError {
			_, width := utf8.DecodeRuneInString(value[i:])
			broken = width == 1
		}
		if broken || r <= 0x9f || r&0xfffe == 0xfffe || r >= 0xfdd0 && r <= 0xfdef {
			return Errorf(CodeInvalid, "event %q: %s has a control or broken character at byte %d: remove it", id, name, i)
		}
	}
	return nil
}

func optional(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func orLeaveOut(name string) string {
	switch name {
	case "id", "source", "type":
		return ""
	}
	return " or leave it out"
}

func isJSON(contentType string) bool {
	if contentType == mediaJSON {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (strings.HasSuffix(media, "/json") || strings.HasSuffix(media, "+json"))
}

func firstJSONError(b []byte) error {
	var v any
	return json.Unmarshal(b, &v)
}
