package producers_test

import (
	"context"
	"testing"
	"time"

	nats_jetstream "github.com/cloudevents/sdk-go/protocol/nats_jetstream/v2"
	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/schemas"
)

const structured = `{
	"specversion": "1.0", "id": "e1", "source": "/services/accounts", "type": "order.created",
	"subject": "u1", "time": "2025-03-01T08:00:00.5Z", "datacontenttype": "application/json", "region": "eu",
	"data": {"current":{"id":"u1"},"previous":null}
}`

// whole is the event that every client below writes.
func whole() schemas.Event {
	e := created("e1")
	e.SetSource(source)
	e.SetTime(time.Date(2025, 3, 1, 8, 0, 0, 500_000_000, time.UTC))
	e.SetExtension("region", "eu")
	return e
}

func binary() nats.Header {
	return nats.Header{
		"ce-specversion": {"1.0"}, "ce-id": {"e1"}, "ce-source": {source}, "ce-type": {"order.created"},
		"ce-subject": {"u1"}, "ce-time": {"2025-03-01T08:00:00.5Z"}, "ce-region": {"eu"},
		"ce-datacontenttype": {"application/json"},
	}
}

// TestOtherClients holds events.<tenant>.<type> to what the package promises to
// services in other languages: any CloudEvent there is the same event. It runs
// on the real clock, since the client that the SDK uses keeps timers in a pool
// of the process, which a bubble may not share.
func TestOtherClients(t *testing.T) {
	data := string(whole().Data())
	raw := func(header nats.Header, body string) func(*testing.T, *nats.Conn, string) {
		return func(t *testing.T, nc *nats.Conn, subject string) {
			js, err := jetstream.New(nc)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: subject, Header: header, Data: []byte(body)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	upper := nats.Header{}
	for name, v := range binary() {
		upper["CE"+name[2:]] = v
	}
	httpLike := binary()
	delete(httpLike, "ce-datacontenttype")
	httpLike["content-type"] = []string{"application/json"}

	for name, publish := range map[string]func(*testing.T, *nats.Conn, string){
		"the publisher": func(t *testing.T, nc *nats.Conn, _ string) {
			if _, err := publisher(t, nc, producers.Options{}).Publish(t.Context(), whole()); err != nil {
				t.Fatal(err)
			}
		},
		"raw, binary":                       raw(binary(), data),
		"raw, binary, upper case":           raw(upper, data),
		"raw, binary, content-type":         raw(httpLike, data),
		"raw, structured":                   raw(nats.Header{"Content-Type": {"application/cloudevents+json"}}, structured),
		"raw, structured, with a charset":   raw(nats.Header{"content-type": {"application/cloudevents+json; charset=utf-8"}}, structured),
		"raw, structured, no headers":       raw(nil, structured),
		"the CloudEvents SDK in binary":     sdk(binding.WithForceBinary),
		"the CloudEvents SDK in structured": sdk(binding.WithForceStructured),
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t)
			publish(t, p.NC, "events.acme.order.created")
			m, got := p.stored(1)
			want := whole()
			if got.String() != want.String() || !got.Time().Equal(want.Time()) {
				t.Errorf("decoded\n%s\nwant\n%s", got, want)
			}
			if tenant, _, err := schemas.StoredEvent(m.Subject); tenant != "acme" || err != nil {
				t.Errorf("stored under %q: tenant %q, %v", m.Subject, tenant, err)
			}
		})
	}
}

// sdk publishes by the official binding of CloudEvents to JetStream.
func sdk(mode func(context.Context) context.Context) func(*testing.T, *nats.Conn, string) {
	return func(t *testing.T, nc *nats.Conn, subject string) {
		sender, err := nats_jetstream.NewSenderFromConn(nc, schemas.StreamEvents, subject, nil)
		if err != nil {
			t.Fatal(err)
		}
		e := whole()
		if err := sender.Send(mode(t.Context()), binding.ToMessage(&e)); err != nil {
			t.Fatal(err)
		}
	}
}
