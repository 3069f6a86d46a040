package bench

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/cmd/tidings/simulate/calibration"
)

// TestCheck has what --check predicts, without the runs that it holds it against.
func TestCheck(t *testing.T) {
	var all []checked
	for _, l := range checkLoads() {
		predicted, err := l.predict(calibration.Embedded(), 1)
		if err != nil {
			t.Fatalf("%s: %v", l.what, err)
		}
		if len(predicted) != max(1, len(l.names)) {
			t.Fatalf("%s: %v for %q", l.what, predicted, l.names)
		}
		for i, p := range predicted {
			all = append(all, l.compare(i, p, []float64{2 * p, p / 2, 0.8 * p}))
		}
	}
	for i, want := range []struct{ least, most float64 }{
		{5, 1000},            // µs
		{39, 40},             // 4 at once of 100 ms
		{300, 320},           // 32, once the window has grown
		{1600, 1600},         // 400 × 4
		{2.7, 4},             // three waits of a second, give or take
		{200 * 10, 200 * 22}, // ten failures open a breaker, and what was under way and is retried
		{10_000, 18_000},     // all but those
		{25, 50},             // the third probe, and the ramp
	} {
		c := all[i]
		if c.Predicted < want.least || c.Predicted > want.most {
			t.Errorf("%s: %g, want %g to %g", c.What, c.Predicted, want.least, want.most)
		}
		if c.Measured != 0.8*c.Predicted || c.Least != c.Predicted/2 || c.Most != 2*c.Predicted || c.Error < 0.249 || c.Error > 0.251 {
			t.Errorf("%+v", c)
		}
	}
	var out bytes.Buffer
	if err := writeChecked(&out, all, 3); err != nil || strings.Count(out.String(), "+25.0 %") != len(all) {
		t.Errorf("%v\n%s", err, out.String())
	}
}
