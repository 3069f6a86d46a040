package schemas

import "time"

// Quota is what a tenant may have. Zero values have the operator's default.
type Quota struct {
	// Events is how many events a tenant may publish over HTTP.
	Events Rate `json:"events,omitzero"`
	// StoredBytes is how much of EVENTS a tenant's events may take.
	StoredBytes int64 `json:"stored_bytes,omitempty"`
	// Endpoints is how many a tenant may have, by whatever API they are made.
	Endpoints int `json:"endpoints,omitempty"`
	// Held is how many deliveries may wait in the queues of a tenant's endpoints that
	// are down, slow or paused, before no more events are taken over HTTP.
	Held int `json:"held,omitempty"`
}

// Or is the quota with what it leaves out taken from another.
func (q Quota) Or(other Quota) Quota {
	if q.Events.IsZero() {
		q.Events = other.Events
	}
	if q.StoredBytes == 0 {
		q.StoredBytes = other.StoredBytes
	}
	if q.Endpoints == 0 {
		q.Endpoints = other.Endpoints
	}
	if q.Held == 0 {
		q.Held = other.Held
	}
	return q
}

// Validate names the field that is wrong.
func (q Quota) Validate() error {
	if err := q.Events.validate(); err != nil {
		return Errorf(CodeInvalid, "quota.events: %w", err)
	}
	for _, of := range []struct {
		name  string
		value int64
	}{
		{"stored_bytes", q.StoredBytes},
		{"endpoints", int64(q.Endpoints)},
		{"held", int64(q.Held)},
	} {
		if of.value < 0 {
			return Errorf(CodeInvalid, "quota.%s is %d: use 1 or more, or leave it out for the operator's default", of.name, of.value)
		}
	}
	return nil
}

// Stored counts the bytes of a tenant's events by when they were stored, in
// periods of so many seconds since 1970. What is older than EVENTS keeps is left
// out of the sum.
type Stored struct {
	Period int64           `json:"period"` // seconds
	Bytes  map[int64]int64 `json:"bytes"`  // by period
}

// StoredPeriods is in how many periods the age of EVENTS is cut.
const StoredPeriods = 24

// Add counts bytes that were stored at a time, and forgets what is older than age.
// Counts of another period's length, from when age was another, are begun anew.
func (s *Stored) Add(at time.Time, age time.Duration, bytes int64) {
	period := max(1, int64(age/time.Second)/StoredPeriods)
	if s.Period != period || s.Bytes == nil {
		*s = Stored{Period: period, Bytes: map[int64]int64{}}
	}
	s.Bytes[at.Unix()/period] += bytes
	for p := range s.Bytes {
		if (p+1)*period <= at.Unix()-int64(age/time.Second) {
			delete(s.Bytes, p)
		}
	}
}

// Sum is how many bytes are stored at a time.
func (s Stored) Sum(at time.Time) (sum int64) {
	for p, bytes := range s.Bytes {
		if p > at.Unix()/max(1, s.Period)-StoredPeriods-1 {
			sum += bytes
		}
	}
	return sum
}
