package schemas_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

func TestQuotaOr(t *testing.T) {
	all := schemas.Quota{Events: schemas.Rate{Count: 1, Per: time.Second}, StoredBytes: 2, Endpoints: 3, Held: 4}
	if got := (schemas.Quota{}).Or(all); got != all {
		t.Errorf("nothing or all is %+v", got)
	}
	if got := all.Or(schemas.Quota{Events: schemas.Rate{Count: 9, Per: time.Second}, StoredBytes: 9, Endpoints: 9, Held: 9}); got != all {
		t.Errorf("all or other is %+v", got)
	}
}

func TestQuotaValidate(t *testing.T) {
	for want, q := range map[string]schemas.Quota{
		"":                         {Events: schemas.Rate{Count: 1, Per: time.Second}, StoredBytes: 1, Endpoints: 1, Held: 1},
		"quota.events":             {Events: schemas.Rate{Count: -1, Per: time.Second}},
		"quota.stored_bytes is -1": {StoredBytes: -1},
		"quota.endpoints is -2":    {Endpoints: -2},
		"quota.held is -3":         {Held: -3},
	} {
		err := schemas.Tenant{ID: "acme", Quota: q}.Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", q, err, want)
		}
	}
}

func TestStored(t *testing.T) {
	const age = 24 * time.Hour
	var s schemas.Stored
	start := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	for hour := range 24 {
		s.Add(start.Add(time.Duration(hour)*time.Hour), age, 10)
		s.Add(start.Add(time.Duration(hour)*time.Hour+59*time.Minute), age, 1)
	}
	at := func(d time.Duration, want int64) {
		t.Helper()
		if got := s.Sum(start.Add(d)); got != want {
			t.Errorf("%d after %s, want %d", got, d, want)
		}
	}
	at(23*time.Hour+59*time.Minute, 24*11)
	at(24*time.Hour+30*time.Minute, 24*11) // the oldest period may have some that are kept
	at(25*time.Hour, 23*11)
	at(47*time.Hour+59*time.Minute, 11)
	at(49*time.Hour, 0)
	s.Add(start.Add(100*time.Hour), age, 7)
	if len(s.Bytes) != 1 {
		t.Errorf("old counts are kept: %v", s.Bytes)
	}
	s.Add(start.Add(100*time.Hour), 2*age, 5) // EVENTS keeps more from now on
	at(100*time.Hour, 5)
}
