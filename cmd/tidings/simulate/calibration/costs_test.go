package calibration

import (
	"strings"
	"testing"
)

// The file in the binary is whole, and each of its figures says how it was measured.
func TestEmbedded(t *testing.T) {
	f := Embedded()
	if f.Machine == "" {
		t.Error("it does not say where it was measured")
	}
	list := f.List()
	if len(list) != 21 {
		t.Errorf("%d figures, want 21", len(list))
	}
	for _, one := range list {
		if one.Name == "" || one.How == "" || one.Value <= 0 {
			t.Errorf("%+v: want a name, a value and how", one)
		}
	}
}

const whole = `{"machine":"here","costs":{"event_us":40,"delivery_us":50,"store_us":1,"replicated_us":2,"stream_writes_per_second":3,
"stream_replicated_writes_per_second":4,"event_bytes":5,"delivery_bytes":6,"log_bytes":7,"log_event_bytes":8,"search_bytes":9,"under_way_kib":10,
"endpoint_kib":2,"endpoint_start_us":30,"process_kib":10240}}`

func TestParse(t *testing.T) {
	f, err := Parse([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	if f.Endpoint != 2 || f.Delivery != 50 || f.Machine != "here" {
		t.Errorf("%+v", f)
	}
	for want, content := range map[string]string{
		"is no report of the benchmark": `[]`,
		"has no costs":                  `{}`,
		"delivery_us is 0":              strings.Replace(whole, `"delivery_us":50`, `"delivery_us":0`, 1),
		"held_us is -1":                 strings.Replace(whole, `"event_us":40`, `"event_us":40,"held_us":-1`, 1),
		"process_kib is 0":              strings.Replace(whole, `"process_kib":10240`, `"process_kib":0`, 1),
	} {
		if _, err := Parse([]byte(content)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := Read("testdata/nothing.json"); err == nil {
		t.Error("a file that is not there is read")
	}
}
