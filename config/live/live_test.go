package live_test

import (
	"context"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/config/live"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

func TestMain(m *testing.M) { streamstest.Main(m) }

func record(endpoint schemas.EndpointID) []byte {
	return schemas.AppendRecord(nil, schemas.Record{Replay: &schemas.ReplayRecord{Endpoint: endpoint, Asked: time.Now()}})
}

// A watcher sees what its tenant's log gets, and nothing else, whatever else is in it.
func TestWatch(t *testing.T) {
	env := streamstest.Start(t, streamstest.Small())
	ctx, cancel := context.WithCancel(t.Context())
	seen, ended := make(chan schemas.Record, 10), make(chan error, 1)
	go func() {
		ended <- live.Watch(ctx, env.NC, "acme", func(records []schemas.Record) {
			for _, r := range records {
				seen <- r
			}
		})
	}()
	other := env.Connect()
	publish := func(tenant schemas.TenantID, data []byte) {
		t.Helper()
		if err := other.Publish(schemas.LogSubject(tenant), data); err != nil {
			t.Fatal(err)
		}
	}
	var first schemas.Record
	for first.Replay == nil { // until it watches
		publish("acme", record("ep_first"))
		select {
		case first = <-seen:
		case <-time.After(time.Millisecond):
		}
	}
	publish("globex", record("ep_of_another"))
	publish("acme", []byte("not a record\n"))
	publish("acme", append(record("ep_a"), record("ep_b")...))
	var got []schemas.EndpointID
	for len(got) < 2 {
		if r := <-seen; r.Replay.Endpoint != "ep_first" {
			got = append(got, r.Replay.Endpoint)
		}
	}
	if got[0] != "ep_a" || got[1] != "ep_b" {
		t.Errorf("saw %s", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A connection that is closed ends the watching with an error.
func TestWatchOnAClosedConnection(t *testing.T) {
	env := streamstest.Start(t, streamstest.Small())
	nc := env.Connect()
	ended := make(chan error, 1)
	go func() { ended <- live.Watch(t.Context(), nc, "acme", func([]schemas.Record) {}) }()
	nc.Close()
	if <-ended == nil {
		t.Error("no error")
	}
}
