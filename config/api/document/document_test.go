package document

import (
	"encoding/json"
	"testing"
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
