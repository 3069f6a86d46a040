package dialect_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/dialect"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

var update = flag.Bool("update", false, "write the golden files anew")

// goldenSecrets are as each dialect has them, newest first.
var goldenSecrets = map[schemas.Dialect][]string{
	schemas.DialectStandard: {
		"whsk_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=", // 32 times 7
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	},
	schemas.DialectCloudEvents: {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
	schemas.DialectROQ:         {"roq-webhook-key-1"},
	schemas.DialectOneRoute:    {"OneRoute-secret"},
	schemas.DialectRoam:        {"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"},
	schemas.DialectRelayBox:    {"21d45d1d4dff46f13cd4478ba08395d9"},
}

// TestGolden writes down the whole request of every event type in every dialect
// and mode that carries it, one file for each dialect and mode.
func TestGolden(t *testing.T) {
	c := catalogue.New()
	for _, name := range schemas.Dialects() {
		modes := name.Modes()
		if modes == nil {
			modes = []schemas.Mode{""}
		}
		for _, mode := range modes {
			file := string(name)
			if mode != "" {
				file += "-" + string(mode)
			}
			t.Run(file, func(t *testing.T) {
				w := goldenWriter(t, name, mode)
				var b bytes.Buffer
				for _, known := range catalogue.Builtin() {
					if words, ok := c.Words("acme", name, known.Type); ok {
						request(t, &b, w, known, words)
					}
				}
				golden(t, filepath.Join("testdata", "golden", file+".txt"), b.Bytes())
			})
		}
	}
}

func goldenWriter(t *testing.T, name schemas.Dialect, mode schemas.Mode) dialect.Writer {
	t.Helper()
	e := schemas.Endpoint{ID: "ep_golden", Tenant: "acme", URL: "https://example.com/hooks", Dialect: name, Mode: mode}
	for _, s := range goldenSecrets[name] {
		e.Secrets = append(e.Secrets, schemas.NewSecret(s))
	}
	if name == schemas.DialectCloudEvents {
		e.Handshake, e.Consent = true, &schemas.Consent{Origin: "tidings.example.com"}
	}
	d, err := dialect.For(name)
	if err != nil {
		t.Fatal(err)
	}
	w, err := d.Writer(e)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// request writes the request for a type's first valid example.
func request(t *testing.T, b *bytes.Buffer, w dialect.Writer, known *catalogue.Type, words catalogue.Words) {
	t.Helper()
	var data bytes.Buffer
	if err := json.Compact(&data, known.Valid[0]); err != nil {
		t.Fatal(err)
	}
	d := delivery(t, known.Type, data.String(), accepted.Add(-time.Second))
	a := dialect.Attempt{Delivery: d, Words: words, At: accepted.Add(1234 * time.Millisecond)}
	body, err := w.Body(a)
	if err != nil {
		t.Errorf("%s: %v", known.Type, err)
		return
	}
	head := http.Header{}
	w.Head(head, a, body)
	fmt.Fprintf(b, "# %s\n", known.Type)
	for _, name := range slices.Sorted(maps.Keys(head)) {
		for _, value := range head[name] {
			fmt.Fprintf(b, "%s: %s\n", name, value)
		}
	}
	fmt.Fprintf(b, "\n%s\n\n", body)
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got, want) {
		return
	}
	gotLines, wantLines := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range min(len(gotLines), len(wantLines)) {
		if !bytes.Equal(gotLines[i], wantLines[i]) {
			t.Fatalf("%s:%d: got\n%s\nwant\n%s\n(go test -update writes it anew)", path, i+1, gotLines[i], wantLines[i])
		}
	}
	t.Fatalf("%s has %d lines, want %d (go test -update writes it anew)", path, len(gotLines), len(wantLines))
}
