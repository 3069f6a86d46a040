package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// TestPolicyIsDescribed compares the members of a policy with those described.
func TestPolicyIsDescribed(t *testing.T) {
	_, policy := spec().resolve("", map[string]any{"$ref": "#/components/schemas/Policy"})
	described := slices.Sorted(maps.Keys(policy["properties"].(map[string]any)))
	var members []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[schemas.Policy]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		members = append(members, name)
	}
	if slices.Sort(members); !slices.Equal(described, members) {
		t.Errorf("described %q\nthere are %q", described, members)
	}
}

// limits sets and clears what bounds an endpoint whose policy has a timeout and a
// status.
func (r *rig) limits(t *testing.T, ep string) {
	const limits = `"auto_disable":"off","backlog":"in_order","breaker":"off","burst":20,"disable_after":"48h0m0s","max_held":500,"max_payload":65536,"order":"fifo","order_key":"partitionkey","rate":"5/s"`
	e, _ := r.do(200, "PATCH", ep, `{"policy":{`+limits+`,"trace":true}}`)
	if got, _ := json.Marshal(e["policy"]); string(got) != "{"+limits+`,"statuses":{"404":"dead"},"timeout":"30s","trace":true}` {
		t.Errorf("got %s", got)
	}
	e, _ = r.do(200, "PATCH", ep, `{"policy":{"max_payload":null,"max_held":0,"breaker":"","order_key":null,"order":null,"backlog":"live_first","trace":null}}`)
	if fmt.Sprint(e["policy"]) != "map[auto_disable:off backlog:live_first burst:20 disable_after:48h0m0s rate:5/s statuses:map[404:dead] timeout:30s]" {
		t.Errorf("after clearing some limits: %v", e["policy"])
	}
	if got, _ := r.do(400, "PATCH", ep, `{"policy":{"rate":null}}`); got["field"] != "policy.burst" {
		t.Errorf("a burst of no rate: %v", got)
	}
	e, _ = r.do(200, "PATCH", ep, `{"policy":{"auto_disable":null,"backlog":null,"burst":null,"disable_after":null,"rate":null}}`)
	if fmt.Sprint(e["policy"]) != "map[statuses:map[404:dead] timeout:30s]" {
		t.Errorf("after clearing all limits: %v", e["policy"])
	}
}

// resumes goes through the choices of a resume, of an endpoint that is paused and
// of one that is not.
func (r *rig) resumes(t *testing.T, ep string) {
	for _, tt := range []struct {
		body string
		want any // skip_before
	}{
		{`{"from":"2026-01-31T13:00:00.1234567+01:00"}`, "2026-01-31T12:00:00.1234567Z"},
		{"", nil}, // which says it anew
		{`{"from":"2026-01-31T12:00:00Z"}`, "2026-01-31T12:00:00Z"},
		{`{"from":"oldest"}`, nil},
		{`{"from":"0001-01-01T00:00:01Z"}`, "0001-01-01T00:00:01Z"},
		{`{"from":"0000-01-01T00:00:00+01:00"}`, nil},
		{"{}", nil},
	} {
		for _, paused := range []bool{true, false} {
			if paused {
				r.do(200, "POST", ep+"/pause", "")
			}
			e, _ := r.do(200, "POST", ep+"/resume", tt.body)
			shown, _ := r.do(200, "GET", ep, "")
			if e["skip_before"] != tt.want || shown["skip_before"] != tt.want || e["status"] != "active" {
				t.Errorf("resumed by %s, paused before: %t: %v", tt.body, paused, e)
			}
		}
	}
	before := time.Now().Truncate(time.Millisecond)
	r.do(200, "POST", ep+"/pause", "")
	e, _ := r.do(200, "POST", ep+"/resume", `{"from":"now"}`)
	from, err := time.Parse(time.RFC3339, e["skip_before"].(string))
	if err != nil || from.Before(before) || from.After(time.Now()) {
		t.Errorf("resumed from now, it skips what is before %v, %v; want from %s on", e["skip_before"], err, before)
	}
	r.do(200, "POST", ep+"/pause", "")
	if e, _ := r.do(200, "PATCH", ep, `{"paused":false}`); e["skip_before"] != from.Format(time.RFC3339Nano) {
		t.Errorf("a patch leaves %v, want %s", e["skip_before"], from)
	}
	for from, want := range map[string]string{
		time.Now().Add(time.Minute).Format(time.RFC3339): `from: the time is to come: use "now", or a time that is past`,
		"tomorrow":   `from: write "oldest", "now", or a time like "2026-01-31T12:00:00Z"`,
		"2026-01-31": `from: write "oldest", "now", or a time like "2026-01-31T12:00:00Z"`,
	} {
		if got, _ := r.do(400, "POST", ep+"/resume", `{"from":"`+from+`"}`); got["field"] != "from" || got["detail"] != want {
			t.Errorf("from %s: %v", from, got)
		}
	}
	if got, _ := r.do(400, "PATCH", ep, `{"skip_before":"2026-01-31T12:00:00Z"}`); got["field"] != "skip_before" {
		t.Errorf("skip_before was patched: %v", got)
	}
}
