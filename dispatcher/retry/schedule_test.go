package retry_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/retry"
	"github.com/tidings-dev/tidings/schemas"
)

func TestStandard(t *testing.T) {
	want := []string{"5s", "5m0s", "30m0s", "2h0m0s", "5h0m0s", "10h0m0s", "14h0m0s", "20h0m0s", "24h0m0s"}
	var got []string
	for _, d := range retry.Standard() {
		got = append(got, d.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
	retry.Standard()[0] = time.Hour
	if first := retry.Standard()[0]; first != 5*time.Second {
		t.Errorf("a caller changed the standard schedule: it begins with %s", first)
	}
}

func TestForPolicy(t *testing.T) {
	for name, tt := range map[string]struct {
		policy schemas.Policy
		want   retry.Schedule
	}{
		"nil":   {schemas.Policy{}, retry.Schedule{3}},
		"empty": {schemas.Policy{Retry: []schemas.Duration{}}, retry.Schedule{}},
		"two":   {schemas.Policy{Retry: []schemas.Duration{5, 7}}, retry.Schedule{5, 7}},
	} {
		if got := retry.ForPolicy(tt.policy, retry.Schedule{3}); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
	}
}

func TestNext(t *testing.T) {
	s := retry.Schedule{time.Second, -time.Minute, time.Hour}
	for _, tt := range []struct {
		schedule retry.Schedule
		attempts int
		want     time.Duration
		ok       bool
	}{
		{s, -1, 0, true},
		{s, 0, 0, true},
		{s, 1, time.Second, true},
		{s, 2, 0, true},
		{s, 3, time.Hour, true},
		{s, 4, 0, false},
		{s, math.MaxInt, 0, false},
		{nil, 0, 0, true},
		{nil, 1, 0, false},
		{retry.Standard(), 9, 24 * time.Hour, true},
		{retry.Standard(), 10, 0, false},
	} {
		if got, ok := tt.schedule.Next(tt.attempts); got != tt.want || ok != tt.ok {
			t.Errorf("%v after %d attempts: got %s, %t; want %s, %t", tt.schedule, tt.attempts, got, ok, tt.want, tt.ok)
		}
	}
}

func TestJitter(t *testing.T) {
	for _, tt := range []struct {
		d      time.Duration
		random float64
		want   time.Duration
	}{
		{100 * time.Second, 0, 90 * time.Second},
		{100 * time.Second, 0.25, 95 * time.Second},
		{100 * time.Second, 0.5, 100 * time.Second},
		{100 * time.Second, 0.75, 105 * time.Second},
		{100 * time.Second, 1, 110 * time.Second},
		{100 * time.Second, -7, 90 * time.Second},
		{100 * time.Second, 7, 110 * time.Second},
		{100 * time.Second, math.NaN(), 100 * time.Second},
		{100 * time.Second, math.Inf(1), 110 * time.Second},
		{0, 0.9, 0},
		{math.MaxInt64, 0.9, math.MaxInt64},
		{math.MaxInt64 / 100 * 95, 0.999, math.MaxInt64},
	} {
		if got := retry.Jitter(tt.d, tt.random); got != tt.want {
			t.Errorf("%s with %g: got %s, want %s", tt.d, tt.random, got, tt.want)
		}
	}
}

// With no jitter, the attempts of the standard schedule begin at these times.
func ExampleSchedule_Next() {
	s := retry.Standard()
	var at time.Duration
	for made := 0; ; made++ {
		delay, ok := s.Next(made)
		if !ok {
			break
		}
		at += delay
		fmt.Printf("attempt %d at %s\n", made+1, at)
	}
	// Output:
	// attempt 1 at 0s
	// attempt 2 at 5s
	// attempt 3 at 5m5s
	// attempt 4 at 35m5s
	// attempt 5 at 2h35m5s
	// attempt 6 at 7h35m5s
	// attempt 7 at 17h35m5s
	// attempt 8 at 31h35m5s
	// attempt 9 at 51h35m5s
	// attempt 10 at 75h35m5s
}
