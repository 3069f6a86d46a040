package schemas

import (
	"encoding/json"
	"time"
)

// Duration is a time.Duration that JSON and YAML write as Go does: "30s",
// "36h".
type Duration time.Duration

// Std is the same length as a time.Duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String is Go's form, like "1m30s".
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes Go's form.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads Go's form.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return Errorf(CodeInvalid, "duration %q: write a number with a unit, like \"30s\", \"5m\" or \"36h\"", text)
	}
	*d = Duration(v)
	return nil
}

// UnmarshalJSON reads a JSON string in Go's form; a bare number has no unit
// and is refused. Null changes nothing.
func (d *Duration) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return Errorf(CodeInvalid, "duration %s: write a string with a unit, like \"30s\"", b)
	}
	return d.UnmarshalText([]byte(s))
}
