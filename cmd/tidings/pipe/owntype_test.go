package pipe

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/schemas"
)

const parcelSent = `{
	"type": "parcel.sent", "domain": "parcels", "meaning": "A parcel left the house.",
	"dialects": {"relaybox": {"name": "parcel:sent"}, "roq": {"name": "SHOP_PARCEL_INSERT"}},
	"schema": {"type": "object", "required": ["current"]},
	"valid": [{"current": {"id": "p1"}}], "invalid": [{"data": {}, "error": "current"}]
}`

// TestATypeOfOnesOwn lets a running pipe learn an event type from a file of a
// tenant's, and wants it checked and worded; and unlearn it.
func TestATypeOfOnesOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		dir := t.TempDir()
		declare := func(types string) {
			t.Helper()
			write(t, dir, "tidings.yaml", "tenants:\n  - id: acme\n"+types+`
    endpoints:
      - {id: ep_relaybox, url: "http://receiver.test/ep_relaybox", dialect: relaybox, secrets: [{value: k}], subscribe: ["*"]}
      - {id: ep_roq, url: "http://receiver.test/ep_roq", dialect: roq, secrets: [{value: k}], subscribe: ["*"]}
      - {id: ep_roam, url: "http://receiver.test/ep_roam", dialect: roam, secrets: [{value: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw}], subscribe: ["*"]}
`)
			d, err := config.ReadFile(filepath.Join(dir, "tidings.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			if err := p.registry.Declare(t.Context(), registry.Declared(d)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		publish := func(id, data string) {
			t.Helper()
			m := &nats.Msg{Subject: "events.acme.parcel.sent", Data: []byte(data), Header: nats.Header{
				"ce-specversion": {"1.0"}, "ce-id": {id}, "ce-source": {"/any"}, "ce-type": {"parcel.sent"},
			}}
			if err := p.nc.PublishMsg(m); err != nil { // a door that checks nothing
				t.Fatal(err)
			}
			<-time.After(time.Second) // fanout has judged it
		}

		declare("")
		publish("e1", `{}`) // nobody knows the type: no dialect has a word for it, and nothing is wrong with it

		write(t, dir, "types/parcel.sent.json", parcelSent)
		declare("    types: [types]")
		publish("e2", `{"current":{"id":"p1"}}`)
		p.ends(2)
		publish("e3", `{}`)

		var relaybox struct {
			Event string
			Data  json.RawMessage
		}
		got := p.requests("ep_relaybox")
		if len(got) != 1 || json.Unmarshal(got[0].Body, &relaybox) != nil || relaybox.Event != "parcel:sent" || string(relaybox.Data) != `{"current":{"id":"p1"}}` {
			t.Errorf("RelayBox's receiver got %s", got)
		}
		const roq = `{"name":"SHOP_PARCEL_INSERT","id":"p1","object":"parcel","data":{"current":{"id":"p1"},"previous":null},"environmentId":"acme"}`
		if got := p.requests("ep_roq"); len(got) != 1 || string(got[0].Body) != roq {
			t.Errorf("ROQ's receiver got %s", got)
		}
		if got := p.requests("ep_roam"); len(got) != 0 {
			t.Errorf("Roam's receiver, whose dialect has no word for it, got %s", got)
		}
		l := p.theDeadLetter()
		if l.Reason != schemas.ReasonSchemaInvalid || !strings.Contains(l.Detail, "data/current: is missing") {
			t.Errorf("dead of %s: %s", l.Reason, l.Detail)
		}

		declare("")
		publish("e4", `{}`)
		if letters := p.deadLetters(); len(letters) != 1 {
			t.Errorf("a type that was taken back is checked still: %d dead letters", len(letters))
		}
	})
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
