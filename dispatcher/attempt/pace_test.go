package attempt

import (
	"testing"
	"time"
)

func TestPaced(t *testing.T) {
	for _, tt := range []struct {
		window   int
		interval time.Duration
		want     int
	}{
		{32, 0, 32},
		{32, time.Millisecond, 32},
		{32, 100 * time.Millisecond, 10},
		{32, time.Second, 1},
		{1000, time.Hour, 1},
		{1, time.Millisecond, 1},
	} {
		if got := paced(tt.window, tt.interval); got != tt.want {
			t.Errorf("%d at one in %s: %d, want %d", tt.window, tt.interval, got, tt.want)
		}
	}
}
