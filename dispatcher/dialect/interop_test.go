package dialect_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/dialect"
	"github.com/tidings-dev/tidings/dispatcher/nodetest"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// wireRequest is a request as a receiver's script reads it.
type wireRequest struct {
	Dialect schemas.Dialect   `json:"dialect"`
	Secret  string            `json:"secret"`
	Headers map[string]string `json:"headers"`
	Body    []byte            `json:"body"`

	name string
}

// judges are the receivers of the script, each with the libraries of its system,
// and the dialects whose requests they judge.
var judges = map[schemas.Dialect]schemas.Dialect{
	schemas.DialectStandard: schemas.DialectStandard,
	schemas.DialectRoam:     schemas.DialectStandard,
	schemas.DialectROQ:      schemas.DialectROQ,
	schemas.DialectOneRoute: schemas.DialectOneRoute,
	schemas.DialectRelayBox: schemas.DialectRelayBox,
}

// TestReceiversTakeWhatIsWritten lets the systems' own receivers verify every
// event type in every dialect that carries it, from nothing but what is on the
// wire.
func TestReceiversTakeWhatIsWritten(t *testing.T) {
	c := catalogue.New()
	var requests []wireRequest
	for name, judge := range judges {
		secret := goldenSecrets[name][len(goldenSecrets[name])-1] // a v1 secret, where there are others
		w := writer(t, name, secret)
		for _, known := range catalogue.Builtin() {
			words, ok := c.Words("acme", name, known.Type)
			if !ok {
				continue
			}
			for _, data := range known.Valid {
				requests = append(requests, written(t, w, known.Type, dialect.Attempt{
					Delivery: delivery(t, known.Type, string(data), accepted), Words: words, At: time.Now(),
				}, wireRequest{Dialect: judge, Secret: secret, name: string(name) + " " + known.Type}))
			}
		}
	}
	stdin, err := json.Marshal(requests)
	if err != nil {
		t.Fatal(err)
	}
	var answers []struct{ Refusal string }
	if err := json.Unmarshal(nodetest.Run(t, "../signing/testdata/receivers.mjs", stdin), &answers); err != nil {
		t.Fatal(err)
	}
	if len(answers) != len(requests) || len(requests) < 80 {
		t.Fatalf("%d answers to %d requests", len(answers), len(requests))
	}
	for i, a := range answers {
		if a.Refusal != "" {
			t.Errorf("%s: refused: %s\n%s", requests[i].name, a.Refusal, requests[i].Body)
		}
	}
}

func written(t *testing.T, w dialect.Writer, eventType string, a dialect.Attempt, q wireRequest) wireRequest {
	t.Helper()
	body, err := w.Body(a)
	if err != nil {
		t.Fatalf("%s: %v", eventType, err)
	}
	h := http.Header{}
	w.Head(h, a, body)
	q.Body, q.Headers = body, map[string]string{}
	for name, values := range h {
		q.Headers[strings.ToLower(name)] = values[0]
	}
	return q
}
