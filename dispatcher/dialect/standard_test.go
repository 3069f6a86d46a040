package dialect_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/tidings-dev/tidings/dispatcher/dialect"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

var accepted = time.Date(2025, 1, 5, 10, 0, 0, 123_000_000, time.UTC)

func delivery(t *testing.T, eventType, data string, at time.Time) *schemas.Delivery {
	t.Helper()
	e := event.New()
	e.SetID("e1")
	e.SetSource("/test")
	e.SetType(eventType)
	if !at.IsZero() {
		e.SetTime(at)
	}
	e.DataEncoded = []byte(data)
	header, body, err := schemas.EncodeEvent(&e)
	if err != nil {
		t.Fatal(err)
	}
	return &schemas.Delivery{
		ID: schemas.NewDeliveryID(accepted, 7, "ep_a"), Tenant: "acme", Endpoint: "ep_a", Event: header, Data: body,
	}
}

func TestStandardBody(t *testing.T) {
	at := time.Date(2025, 1, 5, 9, 59, 59, 0, time.UTC)
	for name, row := range map[string]struct {
		eventType, data string
		at              time.Time
		want            string
	}{
		"plain":                      {"user.created", `{"id":"u1"}`, at, `{"type":"user.created","timestamp":"2025-01-05T09:59:59Z","data":{"id":"u1"}}`},
		"data byte for byte":         {"a", "[1.50, \"\u2028<&>\",  1e400]", at, "{\"type\":\"a\",\"timestamp\":\"2025-01-05T09:59:59Z\",\"data\":[1.50, \"\u2028<&>\",  1e400]}"},
		"no data":                    {"a", "", at, `{"type":"a","timestamp":"2025-01-05T09:59:59Z","data":null}`},
		"no time: that of accepting": {"a", "1", time.Time{}, `{"type":"a","timestamp":"2025-01-05T10:00:00.123Z","data":1}`},
		"a type that needs escaping": {`say "hi" \ größe`, "1", at, `{"type":"say \"hi\" \\ größe","timestamp":"2025-01-05T09:59:59Z","data":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := writer(t, schemas.DialectStandard, signing.NewSecret()).Body(dialect.Attempt{Delivery: delivery(t, row.eventType, row.data, row.at)})
			if err != nil || string(got) != row.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, row.want)
			}
			if !json.Valid(got) {
				t.Error("the body is not JSON")
			}
		})
	}
}

func TestStandardSignsEachAttemptAnew(t *testing.T) {
	d := delivery(t, "a", "1", accepted)
	older, newer := signing.NewSecret(), signing.NewSecret()
	w := writer(t, schemas.DialectStandard, newer, older)
	for _, at := range []time.Time{accepted, accepted.Add(5 * time.Hour)} {
		a := dialect.Attempt{Delivery: d, At: at}
		body, err := w.Body(a)
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{}
		w.Head(h, a, body)
		canonical := http.Header{} // as it arrives
		for name, v := range h {
			canonical.Set(name, v[0])
		}
		if got := canonical.Get(signing.HeaderID); got != string(d.ID) {
			t.Errorf("id %q, want %q", got, d.ID)
		}
		for _, secret := range []string{older, newer} {
			k, err := signing.ParseKey(secret)
			if err != nil {
				t.Fatal(err)
			}
			if err := signing.Verify(canonical, body, at, k); err != nil {
				t.Errorf("at %s: %v", at, err)
			}
		}
	}
}

// writer is a dialect's, for an endpoint with these secrets.
func writer(t *testing.T, name schemas.Dialect, secrets ...string) dialect.Writer {
	t.Helper()
	e := schemas.Endpoint{ID: "ep_a", Tenant: "acme", URL: "https://example.com/hooks", Dialect: name}
	for _, s := range secrets {
		e.Secrets = append(e.Secrets, schemas.NewSecret(s))
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
