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

// MaxRate bounds a Rate's Count.
const MaxRate = 1_000_000

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
func (r Rate) IsZero() bool { return r == (Rate{}) }

// String is the form it is written in.
func (r Rate) String() string {
	if r.IsZero() {
		return ""
	}
	unit := r.Per.String() // of a Rate that is not valid
	for name, d := range rateUnits {
		if d == r.Per {
			unit = name
		}
	}
	return strconv.Itoa(r.Count) + "/" + unit
}

// validate refuses what could not be read again.
func (r Rate) validate() error {
	if r == (Rate{}) {
		return nil
	}
	return new(Rate).UnmarshalText([]byte(r.String()))
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
	if err != nil || n < 1 || n > MaxRate || !known {
		return Errorf(CodeInvalid, "rate %q: write it like \"10/s\", \"600/m\" or \"1000/h\", at most %d", b, MaxRate)
	}
	*r = Rate{Count: n, Per: per}
	return nil
}
