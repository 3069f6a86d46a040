package fanout_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/fanout"
	"github.com/tidings-dev/tidings/schemas"
)

// TestStoredIsCounted wants each event counted once for its tenant, as large as it
// is, whatever becomes of it.
func TestStoredIsCounted(t *testing.T) { synctest.Test(t, countStored) }

func countStored(t *testing.T) {
	r := newRig(t)
	var mu sync.Mutex
	counted := map[schemas.TenantID][]int{}
	f, err := fanout.New(r.env.Connect(), fanout.Options{
		Layout: r.env.Layout, Index: r.index, Histories: r.registry.histories, Registry: r.registry,
		Counted: func(id schemas.TenantID) bool { return id != "free" },
		Stored: func(tenant schemas.TenantID, bytes int) {
			mu.Lock()
			defer mu.Unlock()
			counted[tenant] = append(counted[tenant], bytes)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 5000)
	for _, subject := range []string{"events.acme.order.created", "events.acme.not.an.event", "events.beta.order.created", "events.nobody.x", "events.free.x"} {
		m := &nats.Msg{Subject: subject, Data: data, Header: nats.Header{"ce-note": {"0123456789"}}}
		if _, err := r.js.PublishMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- f.RunPartition(ctx, 0) }()
	r.settled()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if len(counted["free"]) > 0 {
		t.Error("what nobody asks for is counted")
	}
	for tenant, want := range map[schemas.TenantID]int{"acme": 2, "beta": 1, "nobody": 1} {
		got := counted[tenant]
		if len(got) != want {
			t.Errorf("%s: %v, want %d events", tenant, got, want)
		}
		for _, bytes := range got {
			if bytes < 5017 || bytes > 5100 {
				t.Errorf("%s: an event of %d bytes", tenant, bytes)
			}
		}
	}
}
