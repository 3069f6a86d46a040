package schemas

import (
	"strconv"
	"strings"
	"time"
)

// Rate is how many requests there may be in a time, written "10/s", "600/m" or
// "1000/h". The zero Rate is no limit.
type Rate struct {
	Count int
	Per   time.Duration
}

var rateUnits = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}

// PerMinute is the rate in requests per minute, at least 1; 0 for no limit.
func (r Rate) PerMinute() int {
	if r.Count <= 0 || r.Per <= 0 {
		return 0
	}
	return max(int(float64(r.Count)*float64(time.Minute)/float64(r.Per)), 1)
}

// Interval is the time from one request to the next; 0 for no limit.
func (r Rate) Interval() time.Duration {
	if r.Count <= 0 {
		return 0
	}
	return r.Per / time.Duration(r.Count)
}

// IsZero reports whether there is no limit.
func (r Rate) IsZero() bool { return r.Count == 0 }

// String is the form it is written in.
func (r Rate) String() string {
	if r.IsZero() {
		return ""
	}
	for unit, d := range rateUnits {
		if d == r.Per {
			return strconv.Itoa(r.Count) + "/" + unit
		}
	}
	return strconv.Itoa(r.Count) + "/" + r.Per.String()
}

// MarshalText writes it.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads it.
func (r *Rate) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*r = Rate{}
		return nil
	}
	count, unit, _ := strings.Cut(string(b), "/")
	n, err := strconv.Atoi(count)
	per, known := rateUnits[unit]
	if err != nil || n < 1 || !known {
		return Errorf(CodeInvalid, "rate %q: write it like \"10/s\", \"600/m\" or \"1000/h\"", b)
	}
	*r = Rate{Count: n, Per: per}
	return nil
}
