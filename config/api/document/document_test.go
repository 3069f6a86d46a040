package document

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// TestMerge is the table of RFC 7396, appendix A, less the rows whose patch is no
// object: those are refused before.
func TestMerge(t *testing.T) {
	for _, row := range [][3]string{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`{"e":null}`, `{"a":1}`, `{"a":1,"e":null}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{`{}`, `{"a":12345678901234567890}`, `{"a":12345678901234567890}`},
	} {
		var target, patch any
		if err := numbered([]byte(row[0]), &target); err != nil {
			t.Fatal(err)
		}
		if err := numbered([]byte(row[1]), &patch); err != nil {
			t.Fatal(err)
		}
		if got, _ := json.Marshal(merge(target, patch)); string(got) != row[2] {
			t.Errorf("%s with %s: got %s, want %s", row[0], row[1], got, row[2])
		}
	}
}

// What is written wrongly is told how to write it, never by a word of Go's.
func TestWhatToWrite(t *testing.T) {
	var in struct {
		Since  time.Time        `json:"since"`
		Wait   schemas.Duration `json:"wait"`
		Policy schemas.Policy   `json:"policy"`
		Quota  schemas.Quota    `json:"quota"`
	}
	const (
		aTime = `since: write a time like "2026-01-31T12:00:00Z"`
		aRate = `: write a string like "10/s", "600/m" or "1000/h"`
	)
	for body, want := range map[string]string{
		`{"since":"1h"}`:                   aTime,
		`{"since":"2026"}`:                 aTime,
		`{"since":5}`:                      aTime,
		`{"since":{}}`:                     aTime,
		`{"wait":5}`:                       `wait: duration 5: write a string with a unit, like "30s"`,
		`{"policy":{"rate":100}}`:          "policy.rate" + aRate,
		`{"policy":{"rate":{}}}`:           "policy.rate" + aRate,
		`{"policy":{"rate":"x"}}`:          `policy.rate: rate "x": write it like "10/s", "600/m" or "1000/h", at most 1000000`,
		`{"policy":{"concurrency":"1"}}`:   "policy.concurrency: write a whole number",
		`{"policy":{"trace":"yes"}}`:       "policy.trace: write true or false",
		`{"policy":{"breaker":true}}`:      "policy.breaker: write a string",
		`{"quota":{"events":1}}`:           "quota.events" + aRate,
		`{"quota":{"stored_bytes":"1GB"}}`: "quota.stored_bytes: write a whole number",
	} {
		if err := Decode([]byte(body), &in); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
}
