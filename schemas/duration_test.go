package schemas_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

func TestDurationJSON(t *testing.T) {
	const unset = time.Nanosecond // what the duration was before
	for _, tt := range []struct {
		in   string
		want time.Duration
		err  string
	}{
		{`"30s"`, 30 * time.Second, ""},
		{`"36h"`, 36 * time.Hour, ""},
		{`"1h30m0.5s"`, 90*time.Minute + 500*time.Millisecond, ""},
		{`"0"`, 0, ""},
		{`"-5s"`, -5 * time.Second, ""},
		{`null`, unset, ""},
		{`30`, unset, `duration 30: write a string with a unit, like "30s"`},
		{`{}`, unset, `duration {}: write a string with a unit, like "30s"`},
		{`""`, unset, `duration "": write a number with a unit, like "30s", "5m" or "36h"`},
		{`"30"`, unset, `duration "30": write a number with a unit, like "30s", "5m" or "36h"`},
		{`"3d"`, unset, `duration "3d": write a number with a unit, like "30s", "5m" or "36h"`},
		{`"9999999999h"`, unset, `duration "9999999999h": write a number with a unit, like "30s", "5m" or "36h"`},
	} {
		d := schemas.Duration(unset)
		wantError(t, json.Unmarshal([]byte(tt.in), &d), tt.err)
		if d.Std() != tt.want {
			t.Errorf("%s: got %s, want %s", tt.in, d, tt.want)
		}
	}
	out, err := json.Marshal(map[string]any{"d": schemas.Duration(90 * time.Second)})
	if err != nil || string(out) != `{"d":"1m30s"}` {
		t.Errorf("got %s, %v", out, err)
	}
}
