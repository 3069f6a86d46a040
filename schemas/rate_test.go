package schemas_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

func TestRate(t *testing.T) {
	for text, want := range map[string]struct {
		perMinute int
		interval  time.Duration
	}{
		"":       {0, 0},
		"10/s":   {600, 100 * time.Millisecond},
		"600/m":  {600, 100 * time.Millisecond},
		"1/h":    {1, time.Hour}, // the least there is in requests per minute
		"1000/h": {16, 3600 * time.Millisecond},
	} {
		var r schemas.Rate
		if err := r.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if r.PerMinute() != want.perMinute || r.Interval() != want.interval || r.String() != text {
			t.Errorf("%q: %d per minute, one in %s, written %q", text, r.PerMinute(), r.Interval(), r)
		}
	}
	for _, text := range []string{"10", "10/", "/s", "0/s", "-1/s", "1.5/s", "10/d", "10/s ", "1000001/s"} {
		var r schemas.Rate
		wantError(t, r.UnmarshalText([]byte(text)), `rate "`+text+`": write it like "10/s", "600/m" or "1000/h", at most 1000000`)
	}
	b, err := json.Marshal(schemas.Policy{Rate: schemas.Rate{Count: 5, Per: time.Second}})
	if string(b) != `{"rate":"5/s"}` || err != nil {
		t.Errorf("got %s, %v", b, err)
	}
}

// FuzzRate holds that a rate that is read is written so that it is read again, and
// has an interval.
func FuzzRate(f *testing.F) {
	for _, s := range []string{"10/s", "600/m", "1000/h", "1000000/s", "0/s", "-1/s", "1/d", "", "1e3/s", "01/s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var r, again schemas.Rate
		if r.UnmarshalText([]byte(text)) != nil {
			return
		}
		if err := again.UnmarshalText([]byte(r.String())); err != nil || again != r {
			t.Errorf("%q is %v, written %q, read as %v, %v", text, r, r.String(), again, err)
		}
		if !r.IsZero() && (r.Count < 1 || r.Count > schemas.MaxRate || r.PerMinute() < 1) {
			t.Errorf("%q is %v", text, r)
		}
	})
}
