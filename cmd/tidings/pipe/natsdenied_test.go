package pipe

import (
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/broker"
	"github.com/tidings-dev/tidings/config/streams"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

// inboxes are where the users of roles hear answers.
var inboxes = map[string]string{
	"api": "_INBOX.api", "fanout": "_INBOX.fanout", "dispatcher": "_INBOX.dispatcher", "worker": "_INBOX.fanout-dispatcher",
}

// mayNot is what each user is denied: to publish to a subject or, after "<", to
// subscribe to one.
var mayNot = map[string][]string{
	"acme": {
		"events.globex.order.created", "events.globex", "ready.0.ep_a", "later.0.ep_a.d", "held.0.ep_a", "dead.acme.event", "audit.acme", "pull.acme.ep_a",
		"$JS.API.CONSUMER.MSG.NEXT.PULL.ep_a", "$JS.ACK.PULL.ep_a.1.1.1.1.0", "$KV.tidings-registry.tenant.acme", "$KV.tidings-registry.endpoint.ep_a", "$KV.tidings-members.dispatcher.me", "$KV.tidings-idempotency.k",
		"$JS.API.INFO", "$JS.API.STREAM.INFO.EVENTS", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.MSG.GET.EVENTS", "$JS.API.DIRECT.GET.EVENTS",
		"$JS.API.STREAM.MSG.GET.KV_tidings-registry", "$JS.API.CONSUMER.CREATE.EVENTS.spy", "$JS.API.CONSUMER.MSG.NEXT.EVENTS.fanout-0",
		"$JS.API.STREAM.DELETE.EVENTS", "$JS.API.STREAM.PURGE.EVENTS", "$JS.ACK.EVENTS.fanout-0.1.1.1.1.0", "$SYS.REQ.SERVER.PING", "_INBOX.api.x",
		"<events.>", "<events.acme.>", "<ready.>", "<$KV.>", "<$JS.>", "<$SYS.>", "<>",
	},
	"services": {
		"ready.0.ep_a", "dead.acme.event", "$KV.tidings-registry.tenant.acme", "$JS.API.STREAM.MSG.GET.EVENTS", "$JS.API.STREAM.PURGE.EVENTS",
		"$JS.API.CONSUMER.CREATE.EVENTS.spy", "<events.>", "<>",
	},
	"fanout": {
		"events.acme.order.created", "events.acme.endpoint.failing", "later.0.ep_a.d", "held.0.ep_a", "dead.acme.ep_a", "pull.acme.ep_a",
		"$KV.tidings-registry.tenant.acme", "$KV.tidings-registry.endpoint.ep_a", "$KV.tidings-registry.secret.keys", "$KV.tidings-registry.token.tok_a",
		"$KV.tidings-registry.failing.ep_a", "$KV.tidings-members.dispatcher.me", "$KV.tidings-idempotency.k",
		"$JS.API.STREAM.CREATE.SPY", "$JS.API.STREAM.UPDATE.EVENTS", "$JS.API.STREAM.DELETE.EVENTS", "$JS.API.STREAM.PURGE.EVENTS", "$JS.API.STREAM.MSG.DELETE.EVENTS",
		"$JS.API.CONSUMER.CREATE.EVENTS.spy", "$JS.API.CONSUMER.CREATE.EVENTS.spy.events.>", "$JS.API.CONSUMER.DELETE.EVENTS.fanout-0", "$JS.API.CONSUMER.MSG.NEXT.DELIVERIES_0.dispatch-0",
		"$JS.API.DIRECT.GET.DELIVERIES_0", "$JS.API.STREAM.MSG.GET.DELIVERIES_0", "$JS.API.STREAM.MSG.GET.DEAD", "$JS.API.DIRECT.GET.KV_tidings-idempotency.$KV.tidings-idempotency.k",
		"$JS.ACK.DELIVERIES_0.dispatch-0.1.1.1.1.0", "$JS.API.CONSUMER.CREATE.LOG.spy", "$JS.API.DIRECT.GET.LOG", "$JS.API.DIRECT.GET.AUDIT", "audit.acme", "$JS.API.STREAM.PURGE.LOG", "<log.>",
		"<events.>", "<ready.>", "<$KV.>", "<_INBOX.>", "<_INBOX.api.>", "<_INBOX.dispatcher.>", "<>",
	},
	"dispatcher": {
		"events.acme.order.created", "events.acme.endpoint.deleted", "events.acme.endpoint.failing.more", "events.acme.endpoint",
		"$KV.tidings-registry.tenant.acme", "$KV.tidings-registry.subscription.sub_a", "$KV.tidings-registry.secret.keys", "$KV.tidings-registry.token.tok_a",
		"$KV.tidings-registry.type.acme.order", "$KV.tidings-registry.of.endpoint.acme.ep_a", "$KV.tidings-members.fanout.me",
		"$JS.API.STREAM.CREATE.SPY", "$JS.API.STREAM.UPDATE.DELIVERIES_0", "$JS.API.STREAM.DELETE.DELIVERIES_0", "$JS.API.STREAM.PURGE.EVENTS", "$JS.API.STREAM.PURGE.DEAD",
		"$JS.API.STREAM.PURGE.KV_tidings-registry", "$JS.API.STREAM.MSG.DELETE.EVENTS", "$JS.API.STREAM.MSG.GET.EVENTS", "$JS.API.CONSUMER.CREATE.DELIVERIES_0.spy",
		"$JS.API.CONSUMER.CREATE.EVENTS.spy", "$JS.API.CONSUMER.MSG.NEXT.EVENTS.fanout-0", "$JS.ACK.EVENTS.fanout-0.1.1.1.1.0",
		"$JS.API.CONSUMER.CREATE.LOG.spy", "$JS.API.DIRECT.GET.LOG", "$JS.API.DIRECT.GET.AUDIT", "audit.acme", "$JS.API.STREAM.PURGE.LOG", "<log.>",
		"$JS.API.CONSUMER.MSG.NEXT.PULL.ep_a", "$JS.ACK.PULL.ep_a.1.1.1.1.0", "$JS.API.STREAM.MSG.DELETE.PULL", "<pull.>",
		"<events.>", "<ready.>", "<dead.>", "<$KV.>", "<_INBOX.>", "<_INBOX.api.>", "<_INBOX.fanout.>", "<>",
	},
	"worker": {
		"events.acme.order.created", "$KV.tidings-registry.tenant.acme", "$KV.tidings-registry.secret.keys", "$JS.API.STREAM.CREATE.SPY", "$JS.API.STREAM.PURGE.EVENTS",
		"$JS.API.CONSUMER.CREATE.EVENTS.spy", "<events.>", "<_INBOX.api.>", "<>",
	},
	"api": {
		"held.0.ep_a", "pull.acme.ep_a", "$KV.tidings-members.fanout.me", "$JS.API.STREAM.PURGE.PULL", "$JS.API.STREAM.DELETE.PULL",
		"$JS.API.STREAM.DELETE.EVENTS", "$JS.API.STREAM.PURGE.DELIVERIES_0", "$JS.API.STREAM.PURGE.KV_tidings-registry", "$JS.API.STREAM.MSG.DELETE.KV_tidings-registry", "$JS.API.STREAM.SNAPSHOT.EVENTS",
		"$JS.API.STREAM.PURGE.AUDIT", "$JS.API.STREAM.MSG.DELETE.AUDIT",
		"$JS.API.STREAM.MSG.GET.EVENTS", "$JS.API.STREAM.MSG.GET.DELIVERIES_0", "$JS.API.CONSUMER.CREATE.DEAD.spy", "$JS.API.CONSUMER.MSG.NEXT.EVENTS.fanout-0",
		"$JS.API.CONSUMER.DELETE.EVENTS.fanout-0", "$JS.ACK.EVENTS.fanout-0.1.1.1.1.0",
		"<events.>", "<ready.>", "<$KV.>", "<_INBOX.>", "<_INBOX.fanout.>", "<>",
	},
	// Who steers the servers sees no event.
	"admin": {},
}

// may is what shows that the test can tell: it passes.
var may = map[string][]string{
	"acme":       {"events.acme.order.created", "<_INBOX.>"},
	"services":   {"events.acme.order.created", "events.globex.order.created", "<_INBOX.>"},
	"fanout":     {"ready.0.ep_a", "<_INBOX.fanout.>"},
	"dispatcher": {"events.acme.endpoint.failing", "<_INBOX.dispatcher.>"},
	"worker":     {"ready.0.ep_a", "<_INBOX.fanout-dispatcher.>"},
	"api":        {"$KV.tidings-registry.tenant.acme", "<_INBOX.api.>"},
	"admin":      {"$SYS.REQ.SERVER.PING", "<$SYS.>"},
}

// TestEachUserIsDeniedTheRest tries on the wire, over TLS, what users may not.
func TestEachUserIsDeniedTheRest(t *testing.T) {
	s := startShipped(t, true)
	s.apply()
	before := s.contents()
	for _, user := range slices.Sorted(maps.Keys(mayNot)) {
		for _, what := range mayNot[user] {
			t.Run(user+" "+what, func(t *testing.T) {
				if !s.denies(t, user, what) {
					t.Errorf("%s may %s", user, what)
				}
			})
		}
	}
	if after := s.contents(); !maps.Equal(before, after) {
		t.Errorf("before %v\nafter  %v", before, after)
	}
	for user, list := range may {
		for _, what := range list {
			if s.denies(t, user, what) {
				t.Errorf("%s may not %s", user, what)
			}
		}
	}
}

// apply makes the streams, as the role api does with its user.
func (s *shipped) apply() streams.Applied {
	s.t.Helper()
	applied, err := streams.Apply(s.t.Context(), s.as("api", inboxes["api"]), streamstest.Small())
	if err != nil {
		s.t.Fatal(err)
	}
	return applied
}

// denies reports whether the server refuses it to the user.
func (s *shipped) denies(t *testing.T, user, what string) bool {
	t.Helper()
	nc := s.as(user, inboxes[user])
	subject, subscribe := strings.CutPrefix(what, "<")
	verb := "Publish"
	var err error
	if subscribe {
		verb = "Subscription"
		_, err = nc.SubscribeSync(subject)
	} else {
		err = nc.Publish(subject, []byte(`{}`))
	}
	if err == nil {
		err = nc.Flush() // what the server has to say comes before its answer to this
	}
	if err != nil {
		t.Fatal(err)
	}
	err = nc.LastError()
	return errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(err.Error(), verb+` to "`+subject+`"`)
}

// contents are the last sequence of each stream, and how many consumers it has.
func (s *shipped) contents() map[string][2]uint64 {
	s.t.Helper()
	js, err := jetstream.New(s.operator())
	if err != nil {
		s.t.Fatal(err)
	}
	all := map[string][2]uint64{}
	list := js.ListStreams(s.t.Context())
	for info := range list.Info() {
		all[info.Config.Name] = [2]uint64{info.State.LastSeq, uint64(info.State.Consumers)}
	}
	if list.Err() != nil || len(all) != 10 {
		s.t.Fatalf("streams %v, %v", all, list.Err())
	}
	return all
}

// TestNobodyElseGetsIn has clients that are not users, and a server that is not the
// cluster's.
func TestNobodyElseGetsIn(t *testing.T) {
	s := startShipped(t, true)
	strangers, _ := makeUsers(t) // keys of another cluster
	_, _, otherCA := certificates(t)
	for name, row := range map[string]struct {
		r    broker.Remote
		want error
	}{
		"no credentials": {broker.Remote{CA: s.ca}, nats.ErrAuthorization},
		"a stranger":     {broker.Remote{CA: s.ca, NKey: strangers["api"]}, nats.ErrAuthorization},
		"another CA":     {broker.Remote{CA: otherCA, NKey: s.seeds["api"]}, nil},
		"no CA":          {broker.Remote{NKey: s.seeds["api"]}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			row.r.URL = s.url()
			nc, err := row.r.Connect("test", slog.New(slog.DiscardHandler))
			if err == nil {
				nc.Close()
				t.Fatal("it gets in")
			}
			if !schemas.HasCode(err, schemas.CodeUnavailable) || row.want != nil && !errors.Is(err, row.want) || row.want == nil && !strings.Contains(err.Error(), "certificate signed by unknown authority") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestAnswersAreHeardByTheirUserOnly has one tenant listen to all inboxes there are
// for it, while others are answered.
func TestAnswersAreHeardByTheirUserOnly(t *testing.T) {
	s := startShipped(t, true)
	acme := s.as("acme", "")
	heard, err := acme.SubscribeSync("_INBOX.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := acme.Flush(); err != nil {
		t.Fatal(err)
	}
	s.apply() // many answers, to the API
	js, err := jetstream.New(s.as("services", ""))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "events.globex.x", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := heard.NextMsg(50 * time.Millisecond); !errors.Is(err, nats.ErrTimeout) {
		t.Errorf("acme heard another's answer: %v", err)
	}
	own, err := jetstream.New(acme)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := own.Publish(t.Context(), "events.acme.x", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := heard.NextMsg(5 * time.Second); err != nil {
		t.Errorf("acme does not hear its own: %v", err)
	}
}
