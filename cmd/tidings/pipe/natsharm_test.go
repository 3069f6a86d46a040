package pipe

import (
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// The tests of this file try what a permitted publish could do beside storing an
// event: by its reply subject, and by the headers that JetStream obeys.

// replies are where JetStream's answer to an event would do harm.
var replies = []string{
	"$KV.tidings-registry.tenant.globex", "$KV.tidings-registry.endpoint.ep_a", "$KV.tidings-members.dispatcher.ghost",
	"events.globex.order.created", "ready.0.ep_a", "dead.globex.event", "_INBOX.api.x",
	"$JS.API.STREAM.PURGE.EVENTS", "$JS.API.STREAM.DELETE.EVENTS", "$JS.API.CONSUMER.DELETE.EVENTS.fanout-0", "$JS.API.CONSUMER.PAUSE.EVENTS.fanout-0",
}

// answersTo publishes an event of acme for each of the replies.
func answersTo(t *testing.T, nc *nats.Conn) {
	t.Helper()
	for _, reply := range replies {
		if err := nc.PublishMsg(&nats.Msg{Subject: "events.acme.order.created", Reply: reply, Data: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // by then what went before has been answered, and stored
		if _, err := js.Publish(t.Context(), "events.acme.order.created", nil); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAnswersStayWithTheirPublisher also shows why publishers are not users of the
// account that has the streams.
func TestAnswersStayWithTheirPublisher(t *testing.T) {
	s := startShipped(t, false)
	s.apply()
	before := s.contents()
	answersTo(t, s.as("acme", ""))
	after := s.contents()
	for name, was := range before {
		added := after[name][0] - was[0]
		if want := uint64(len(replies) + 3); name == schemas.StreamEvents && added != want || name != schemas.StreamEvents && added != 0 || after[name][1] != was[1] {
			t.Errorf("%s was %v, is %v", name, was, after[name])
		}
	}

	before = after
	answersTo(t, s.with(s.insider))
	after = s.contents()
	if added := after["KV_tidings-registry"][0] - before["KV_tidings-registry"][0]; added != 2 {
		t.Errorf("a publisher within the account wrote %d records of the registry; if this is 0 by now, NATS has changed: tenants could do with one account", added)
	}
}

// TestHeadersOfEvents has a tenant set each header that JetStream obeys.
func TestHeadersOfEvents(t *testing.T) {
	s := startShipped(t, true)
	s.apply()
	js, err := jetstream.New(s.as("acme", ""))
	if err != nil {
		t.Fatal(err)
	}
	const stored = jetstream.ErrorCode(0)
	const denied = jetstream.ErrorCode(1) // by the permissions
	for _, row := range []struct {
		headers string
		want    jetstream.ErrorCode
	}{
		{"Nats-Rollup: all", 10111},
		{"Nats-Rollup: sub", 10111},
		{"Nats-TTL: 1s", 10166},
		{"Nats-TTL: never", 10166},
		{"Nats-Schedule: @every 1s|Nats-Schedule-Target: events.globex.order.created", 10188},
		{"Nats-Schedule: @at 2099-01-01T00:00:00Z|Nats-Schedule-Target: events.globex.order.created|Nats-Schedule-TTL: 1s", 10188},
		{"Nats-Schedule-Next: purge", 10212},
		{"Nats-Scheduler: later.0.ep_a.d|Nats-Schedule-Next: purge", 10188},
		{"Nats-Incr: 1", 10168},
		{"Nats-Batch-Id: b|Nats-Batch-Sequence: 1", 10174},
		{"Nats-Batch-Id: b|Nats-Batch-Sequence: 1|Nats-Batch-Commit: 1", 10174},
		{"Nats-Stream-Source: EVENTS 1 > > events.globex.x", 10227},
		{"Nats-Expected-Stream: DEAD", 10060},
		{"Nats-Expected-Last-Sequence: 99", 10071},
		{"Nats-Expected-Last-Msg-Id: x", 10070},
		{"Nats-Expected-Last-Subject-Sequence: 99", 10071},
		{"Nats-Trace-Dest: events.globex.trace", denied},
		{"Nats-Trace-Dest: _INBOX.x", denied},
		{"Nats-Trace-Dest: ready.0.ep_a|Nats-Trace-Only: true", denied},
		{"Nats-Trace-Dest: $KV.tidings-registry.tenant.acme", denied},
		// Without meaning for EVENTS.
		{"Nats-Marker-Reason: MaxAge", stored},
		{"KV-Operation: PURGE", stored},
		{"Nats-Request-Info: {}", stored},
		{"Nats-Msg-Size: 1", stored},
		{"Nats-Sequence: 1|Nats-Subject: events.0.globex.x|Nats-Stream: EVENTS", stored},
		{"Status: 503", stored},
	} {
		t.Run(row.headers, func(t *testing.T) {
			before := s.contents()
			m := nats.NewMsg("events.acme.order.created")
			for h := range strings.SplitSeq(row.headers, "|") {
				name, value, _ := strings.Cut(h, ": ")
				m.Header.Set(name, value)
			}
			if row.want == denied {
				s.deniedMessage(t, m)
			} else {
				_, err := js.PublishMsg(t.Context(), m, jetstream.WithRetryAttempts(0))
				var api *jetstream.APIError
				if row.want == stored && err != nil || row.want != stored && (!errors.As(err, &api) || api.ErrorCode != row.want) {
					t.Errorf("got %v, want %d", err, row.want)
				}
			}
			after := s.contents()
			if row.want == stored {
				was := before[schemas.StreamEvents]
				was[0]++
				before[schemas.StreamEvents] = was
			}
			for name := range before {
				if before[name] != after[name] {
					t.Errorf("%s is %v, want %v", name, after[name], before[name])
				}
			}
		})
	}
}

func (s *shipped) deniedMessage(t *testing.T, m *nats.Msg) {
	t.Helper()
	nc := s.as("acme", "")
	if err := errors.Join(nc.PublishMsg(m), nc.Flush()); err != nil {
		t.Fatal(err)
	}
	if err := nc.LastError(); !errors.Is(err, nats.ErrPermissionViolation) {
		t.Errorf("got %v, want it denied", err)
	}
}

// TestWhatATenantCanStillDo holds to what .github/SECURITY.md says is not prevented:
// should NATS come to prevent it, the file is to say so.
func TestWhatATenantCanStillDo(t *testing.T) {
	s := startShipped(t, false)
	s.apply()
	acme, err := jetstream.New(s.as("acme", ""))
	if err != nil {
		t.Fatal(err)
	}
	globex, err := jetstream.New(s.as("services", ""))
	if err != nil {
		t.Fatal(err)
	}
	// It can use up another's message id, if it can guess that.
	id := jetstream.WithMsgID("globex 1")
	if _, err := acme.Publish(t.Context(), "events.acme.order.created", nil, id); err != nil {
		t.Fatal(err)
	}
	ack, err := globex.Publish(t.Context(), "events.globex.order.created", nil, id)
	if err != nil || !ack.Duplicate {
		t.Errorf("an id that another tenant has used: %+v, %v", ack, err)
	}
	// It can ask whether another has events, and how many all have.
	if ack, err = globex.Publish(t.Context(), "events.globex.order.created", nil); err != nil || ack.Sequence != 2 {
		t.Fatalf("%+v, %v", ack, err)
	}
	m := nats.NewMsg("events.acme.order.created")
	m.Header.Set("Nats-Expected-Last-Subject-Sequence", "99")
	m.Header.Set("Nats-Expected-Last-Subject-Sequence-Subject", "events.*.globex.>")
	if _, err = acme.PublishMsg(t.Context(), m); err == nil || !strings.Contains(err.Error(), "wrong last sequence: 2") {
		t.Errorf("got %v", err)
	}
}

// TestOneKeyOfTheRegistryIsOne has a dispatcher, who may write notes, try to write
// over all the rest.
func TestOneKeyOfTheRegistryIsOne(t *testing.T) {
	s := startShipped(t, false)
	applied := s.apply()
	if _, err := applied.Registry.PutString(t.Context(), "tenant.acme", "{}"); err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(s.as("dispatcher", inboxes["dispatcher"]))
	if err != nil {
		t.Fatal(err)
	}
	for _, scope := range []string{"all", "sub"} {
		m := nats.NewMsg("$KV.tidings-registry.failing.ep_a")
		m.Header.Set("Nats-Rollup", scope)
		var api *jetstream.APIError
		if _, err := js.PublishMsg(t.Context(), m); !errors.As(err, &api) || api.ErrorCode != 10111 {
			t.Errorf("roll-up of %s: %v", scope, err)
		}
	}
	if _, err := applied.Registry.Get(t.Context(), "tenant.acme"); err != nil {
		t.Errorf("the tenant is gone: %v", err)
	}
}
