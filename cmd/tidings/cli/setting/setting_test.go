package setting_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/setting"
)

func TestSetMember(t *testing.T) {
	for _, c := range []struct {
		object, set, want string
		added             bool
	}{
		{`{"a":1}`, "a=2", `{"a":2}`, false},
		{`{"a":1}`, "a=text", `{"a":"text"}`, false},
		{`{"a":1}`, `a="2"`, `{"a":"2"}`, false},
		{`{"a":1}`, "a=", `{"a":""}`, false},
		{`{"a":1}`, "a=b=c", `{"a":"b=c"}`, false},
		{`{"a":1}`, "a=null", `{"a":null}`, false},
		{`{"a":1}`, "a=12345678901234567890", `{"a":12345678901234567890}`, false},
		{`{"a":1}`, "b=true", `{"a":1,"b":true}`, true},
		{`{"a":{"b":1}}`, "a.b=[1]", `{"a":{"b":[1]}}`, false},
		{`{"a":{}}`, "a.b.c=1", `{"a":{"b":{"c":1}}}`, true},
		{`{"a":null}`, "a.b=1", `{"a":{"b":1}}`, true},
		{`{"a":[1,{"b":2}]}`, "a.1.b=3", `{"a":[1,{"b":3}]}`, false},
		{`{"a":[1,2]}`, "a.0=3", `{"a":[3,2]}`, false},
		{`{"a":[1,2]}`, "a.2=3", "a is a list of 2: its elements are 0 to 1", false},
		{`{"a":[1,2]}`, "a.x=3", "a is a list of 2: its elements are 0 to 1", false},
		{`{"a":1}`, "a.b=3", `a is no object, so it has no member "b"`, false},
		{`{}`, "a", "Write it like path.of.member=value", false},
		{`{}`, "=1", "Write it like path.of.member=value", false},
		{`{}`, "a..b=1", "Write it like path.of.member=value", false},
	} {
		var object any
		if err := setting.Decode([]byte(c.object), &object); err != nil {
			t.Fatal(err)
		}
		_, added, err := setting.In(object, c.set)
		if err != nil {
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s in %s: %v, want %s", c.set, c.object, err, c.want)
			}
			continue
		}
		if got, _ := json.Marshal(object); string(got) != c.want || added != c.added {
			t.Errorf("%s in %s: %s, added %t", c.set, c.object, got, added)
		}
	}
}
