package retry

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// rfc850 is time.RFC850 with the one zone that RFC 9110, section 5.6.7, allows.
const rfc850 = "Monday, 02-Jan-06 15:04:05 GMT"

// After reads the value of a Retry-After header (RFC 9110, section 10.2.3): a
// number of seconds, or a date in any of the three forms of section 5.6.7. It
// returns how long from now that is: 0 for a date in the past, the longest
// Duration for what exceeds it. It is not ok if the value is neither, and then
// the header is as good as absent.
func After(value string, now time.Time) (time.Duration, bool) {
	value = strings.Trim(value, " \t")
	if value == "" {
		return 0, false
	}
	if strings.Trim(value, "0123456789") == "" {
		return seconds(value), true
	}
	at, ok := date(value, now)
	if !ok {
		return 0, false
	}
	return max(at.Sub(now), 0), true
}

// seconds is the length that digits name.
func seconds(digits string) time.Duration {
	const most = math.MaxInt64 / uint64(time.Second)
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n > most { // of digits alone, the only error is the range
		return math.MaxInt64
	}
	return time.Duration(n) * time.Second
}

func date(value string, now time.Time) (time.Time, bool) {
	for _, layout := range []string{http.TimeFormat, time.ANSIC} {
		if at, err := time.Parse(layout, value); err == nil {
			return at, true
		}
	}
	at, err := time.Parse(rfc850, value)
	if err != nil {
		return time.Time{}, false
	}
	return century(at, now), true
}

// century moves a date whose year had two digits into the century of now, or
// the one before where it would lie more than 50 years ahead (RFC 9110,
// section 5.6.7).
func century(at, now time.Time) time.Time {
	now = now.UTC()
	at = at.AddDate(now.Year()/100*100-at.Year()/100*100, 0, 0)
	if at.After(now.AddDate(50, 0, 0)) {
		at = at.AddDate(-100, 0, 0)
	}
	return at
}
