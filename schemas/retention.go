package schemas

import (
	"cmp"
	"time"
)

// MinRetention is the least that a tenant can ask for: deliveries need the time.
const MinRetention = time.Hour

// Retention is how long a tenant's data is kept. It can only shorten what the operator
// has set; zero values have the operator's.
type Retention struct {
	// Events is for payload: events, since they were accepted, and dead letters, since
	// they died. What fanout has yet to see stays.
	Events Duration `json:"events,omitzero"`
	// Log is for the delivery log.
	Log Duration `json:"log,omitzero"`
}

// Validate names the field that is wrong.
func (r Retention) Validate() error {
	for _, of := range []struct {
		name  string
		value Duration
	}{{"events", r.Events}, {"log", r.Log}} {
		if of.value != 0 && of.value.Std() < MinRetention {
			return Errorf(CodeInvalid, "retention.%s is %s: use 1h or more, or leave it out for the operator's", of.name, of.value)
		}
	}
	return nil
}

// Shorter is the shorter of two ages, of which 0 is none.
func Shorter(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return cmp.Or(a, b)
	}
	return min(a, b)
}
