package retry_test

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/retry"
)

// clock is the Sunday of RFC 9110's own examples of dates, half a minute before
// them.
var clock = time.Date(1994, 11, 6, 8, 49, 7, 0, time.UTC)

func TestAfter(t *testing.T) {
	for _, tt := range []struct {
		value string
		want  time.Duration
		ok    bool
	}{
		{"0", 0, true},
		{"120", 2 * time.Minute, true},
		{"  120\t", 2 * time.Minute, true},
		{"00120", 2 * time.Minute, true},
		{"9223372036", 9223372036 * time.Second, true},
		{"9223372037", math.MaxInt64, true},
		{"18446744073709551615", math.MaxInt64, true},
		{"18446744073709551616", math.MaxInt64, true},
		{strings.Repeat("9", 5000), math.MaxInt64, true},

		{"Sun, 06 Nov 1994 08:49:37 GMT", 30 * time.Second, true},
		{"Sunday, 06-Nov-94 08:49:37 GMT", 30 * time.Second, true},
		{"Sun Nov  6 08:49:37 1994", 30 * time.Second, true},
		{" Sun, 06 Nov 1994 08:49:37 GMT ", 30 * time.Second, true},
		{"Sun, 06 Nov 1994 08:49:07 GMT", 0, true},
		{"Sun, 06 Nov 1994 08:00:00 GMT", 0, true},
		{"Sat, 01 Jan 0001 00:00:00 GMT", 0, true},
		{"Fri, 31 Dec 9999 23:59:59 GMT", math.MaxInt64, true},

		{"", 0, false},
		{" \t", 0, false},
		{"-1", 0, false},
		{"+1", 0, false},
		{"1.5", 0, false},
		{"1e3", 0, false},
		{"0x10", 0, false},
		{"1_000", 0, false},
		{"1 2", 0, false},
		{"120s", 0, false},
		{"１２０", 0, false}, // digits, but not ASCII
		{"soon", 0, false},
		{"Sun, 06 Nov 1994 08:49:37 PST", 0, false},
		{"Sunday, 06-Nov-94 08:49:37 PST", 0, false},
		{"Sun, 32 Nov 1994 08:49:37 GMT", 0, false},
		{"1994-11-06T08:49:37Z", 0, false},
		{"Sun, 06 Nov 1994 08:49:37 GMT, 120", 0, false},
	} {
		if got, ok := retry.After(tt.value, clock); got != tt.want || ok != tt.ok {
			t.Errorf("%.60q: got %s, %t; want %s, %t", tt.value, got, ok, tt.want, tt.ok)
		}
	}
}

// TestAfterTwoDigitYear holds the rule of RFC 9110, section 5.6.7: more than 50
// years ahead means the past.
func TestAfterTwoDigitYear(t *testing.T) {
	at := func(year int) time.Time { return time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC) }
	for _, tt := range []struct {
		now   int
		value string
		want  int
	}{
		{2026, "Monday, 01-Jun-27 00:00:00 GMT", 2027},
		{2026, "Monday, 01-Jun-70 00:00:00 GMT", 2070},
		{2026, "Monday, 01-Jun-76 00:00:00 GMT", 2076},
		{2026, "Monday, 01-Jun-77 00:00:00 GMT", 1977},
		{2026, "Monday, 01-Jun-99 00:00:00 GMT", 1999},
		{2090, "Monday, 01-Jun-91 00:00:00 GMT", 2091},
		{1994, "Monday, 01-Jun-95 00:00:00 GMT", 1995},
	} {
		want := max(at(tt.want).Sub(at(tt.now)), 0)
		if got, ok := retry.After(tt.value, at(tt.now)); !ok || got != want {
			t.Errorf("%s in %d: got %s, %t; want %s", tt.value, tt.now, got, ok, want)
		}
	}
}

// FuzzAfter holds that the result is never negative, that what is refused is 0,
// and that seconds and dates survive a round trip.
func FuzzAfter(f *testing.F) {
	for _, seed := range []string{
		"", "0", "120", "-1", "9223372037", "Sun, 06 Nov 1994 08:49:37 GMT",
		"Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Fri, 31 Dec 9999 23:59:59 GMT",
	} {
		f.Add(seed, int64(784111747))
	}
	f.Fuzz(func(t *testing.T, value string, unix int64) {
		now := time.Unix(unix%(1<<36), 0)
		d, ok := retry.After(value, now)
		if d < 0 || !ok && d != 0 {
			t.Fatalf("got %s, %t", d, ok)
		}
		trimmed := strings.Trim(value, " \t")
		if digits := trimmed != "" && strings.Trim(trimmed, "0123456789") == ""; digits && !ok {
			t.Errorf("refused %q", value)
		}
		// A wait that a date can say, said as a date.
		at := now.Add(d.Truncate(time.Second)).UTC()
		if ok && at.Year() > 0 && at.Year() <= 9999 && d < math.MaxInt64 {
			if again, ok := retry.After(at.Format(http.TimeFormat), now); !ok || again != d.Truncate(time.Second) {
				t.Errorf("%q is %s, but as a date %s, %t", value, d, again, ok)
			}
		}
	})
}
