package schemas

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzValidJSON holds the quick check of data to encoding/json's.
func FuzzValidJSON(f *testing.F) {
	for _, s := range []string{
		``, ` `, `null`, ` {"a":[1,-0.5e+3,true,"\u00e9\ud800"]} `, `{"a":1,"a":2}`, "\"\xff\"", `01`, `1.`, `"\x"`, "\"\n\"", `[1,]`, `{} {}`, "\ufeff{}",
		strings.Repeat("[", 9999) + strings.Repeat("]", 9999), strings.Repeat("[", 10001) + strings.Repeat("]", 10001),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, want := validJSON(data), json.Valid(data); got != want {
			t.Errorf("%.200q: %t, want %t", data, got, want)
		}
	})
}
