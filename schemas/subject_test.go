package schemas_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/tidings-dev/tidings/schemas"
)

// weirdTypes are what a producer may call an event, and what NATS would take
// amiss.
var weirdTypes = []string{
	"", ".", "..", ".a", "a.", "a..b", "a.%.b", "a.%25.b", "a.%2525.b", "%", "%%", "%25", "%2E", "%2e", "a%2Eb",
	"*", ">", "a.*", "a.>", "*.a", ">.a", "a*", "a>b", "**", "%2A", "%3E",
	" ", "a b", "a.b ", "\t", "a\r\nb", "\x00", "\x7f", "\u0085",
	"$JS", "$JS.API.INFO", "$SYS.x", "_INBOX.x", "größe", "grosse", "用户.创建", "\u202e", "\xff", "\xfe",
	"user.created", "user.created.v1", "User.Created", "user/created", "user:created", `a"b`, "a\\b",
	strings.Repeat("long.", 200) + "end", strings.Repeat("x", 5000),
}

// stored is where EVENTS keeps what was published under a subject.
func stored(t testing.TB, l schemas.Layout, published string) string {
	t.Helper()
	source, destination := l.EventsTransform()
	transform, err := server.NewSubjectTransform(source, destination)
	if err != nil {
		t.Fatal(err)
	}
	subject, err := transform.Match(published)
	if err != nil {
		t.Fatalf("transform %q: %v", published, err)
	}
	return subject
}

func TestEventSubject(t *testing.T) {
	for eventType, want := range map[string]string{
		"user.created":  "events.acme.user.created",
		"":              "events.acme.%",
		".a.":           "events.acme.%.a.%",
		"a b.*.>.c%":    "events.acme.a%20b.%2A.%3E.c%25",
		"$JS.API":       "events.acme.$JS.API",
		"größe":         "events.acme.gr%C3%B6%C3%9Fe",
		"com/x:y@z,a=b": "events.acme.com/x:y@z,a=b",
		"a\r\n.b\x00":   "events.acme.a%0D%0A.b%00",
	} {
		if got := schemas.EventSubject("acme", eventType); got != want {
			t.Errorf("type %q: got %s, want %s", eventType, got, want)
		}
	}
}

func TestEventSubjectsAreValidAndDistinct(t *testing.T) {
	layout := schemas.Layout{Partitions: 32, Shards: 4}
	seen := map[string]string{}
	for _, eventType := range weirdTypes {
		subject := schemas.EventSubject("acme", eventType)
		checkSubject(t, subject)
		if other, ok := seen[subject]; ok {
			t.Errorf("types %q and %q share subject %s", other, eventType, subject)
		}
		seen[subject] = eventType

		kept := stored(t, layout, subject)
		checkSubject(t, kept)
		tenant, published, err := schemas.StoredEvent(kept)
		if err != nil || tenant != "acme" || published != subject {
			t.Errorf("type %q is stored under %s: tenant %q, published %q, %v", eventType, kept, tenant, published, err)
		}
	}
}

// checkSubject holds a subject to NATS and to what its text protocol can carry.
func checkSubject(t testing.TB, subject string) {
	t.Helper()
	if !server.IsValidLiteralSubject(subject) {
		t.Errorf("%q is not a valid subject", subject)
	}
	if i := strings.IndexFunc(subject, func(r rune) bool { return r <= ' ' || r >= 0x7f }); i >= 0 {
		t.Errorf("%q holds a byte that the protocol cannot carry", subject)
	}
}

// A tenant's events lie in the partition its id hashes to, so one lane of
// fanout reads them all.
func TestStoredEventStaysInItsPartition(t *testing.T) {
	layout := schemas.Layout{Partitions: 7, Shards: 2}
	lanes := map[string]bool{}
	for i := range 50 {
		tenant := schemas.TenantID(fmt.Sprintf("t%d", i))
		a := stored(t, layout, schemas.EventSubject(tenant, "user.created"))
		b := stored(t, layout, schemas.EventSubject(tenant, "user.*"))
		lane := strings.Split(a, ".")[1]
		if strings.Split(b, ".")[1] != lane {
			t.Errorf("tenant %s lies in two partitions: %s, %s", tenant, a, b)
		}
		lanes[lane] = true
		matched := 0
		for p := range layout.Partitions {
			if server.SubjectsCollide(schemas.EventsFilter(p), a) {
				matched++
			}
		}
		if matched != 1 {
			t.Errorf("%d filters select %s", matched, a)
		}
	}
	if len(lanes) != layout.Partitions {
		t.Errorf("50 tenants use %d of %d partitions", len(lanes), layout.Partitions)
	}
}

func TestStoredEventRefuses(t *testing.T) {
	for _, subject := range []string{"", "events", "events.", "events.1", "events.1.acme", "events.1.acme.", "events.1..x", "ready.1.acme.x", "events..", "xevents.1.acme.x"} {
		_, _, err := schemas.StoredEvent(subject)
		wantError(t, err, fmt.Sprintf("subject %q: want events.<partition>.<tenant>.<type>", subject))
	}
}

func TestEveryPartitionHasOneStream(t *testing.T) {
	for _, layout := range []schemas.Layout{{Partitions: 1, Shards: 1}, {Partitions: 32, Shards: 4}, {Partitions: 7, Shards: 3}, {Partitions: 5, Shards: 5}, {Partitions: 40, Shards: 16}} {
		covered := map[int]bool{}
		// Enough endpoints to meet every partition.
		for i := range layout.Partitions * 20 {
			endpoint := schemas.EndpointID(fmt.Sprintf("ep_%d", i))
			p := layout.Partition(endpoint)
			covered[p] = true
			delivery := schemas.DeliveryID("dlv_0")
			for _, subject := range []string{layout.ReadySubject(endpoint), layout.LaterSubject(endpoint, delivery), layout.HeldSubject(endpoint)} {
				checkSubject(t, subject)
				var streams []string
				for shard := range layout.Shards {
					if slices.ContainsFunc(layout.ShardSubjects(shard), func(filter string) bool { return server.SubjectsCollide(filter, subject) }) {
						streams = append(streams, schemas.DeliveriesShard(shard))
					}
				}
				if !slices.Equal(streams, []string{layout.DeliveriesStream(p)}) {
					t.Fatalf("%+v: %s is stored by %v, want %s", layout, subject, streams, layout.DeliveriesStream(p))
				}
			}
			if ready := layout.ReadySubject(endpoint); !server.SubjectsCollide(schemas.ReadyFilter(p), ready) || schemas.QueueEndpoint(ready) != endpoint {
				t.Fatalf("%s: filter %s, endpoint %s", ready, schemas.ReadyFilter(p), schemas.QueueEndpoint(ready))
			}
			if held := layout.HeldSubject(endpoint); !server.SubjectsCollide(schemas.HeldFilter(p), held) || schemas.QueueEndpoint(held) != endpoint {
				t.Fatalf("%s: filter %s, endpoint %s", held, schemas.HeldFilter(p), schemas.QueueEndpoint(held))
			}
		}
		if len(covered) != layout.Partitions {
			t.Errorf("%+v: endpoints use %d partitions", layout, len(covered))
		}
	}
}

func TestShardsShareNothing(t *testing.T) {
	layout := schemas.Layout{Partitions: 32, Shards: 5}
	owner := map[string]int{}
	for shard := range layout.Shards {
		for _, subject := range layout.ShardSubjects(shard) {
			if other, ok := owner[subject]; ok {
				t.Errorf("shards %d and %d both store %s", other, shard, subject)
			}
			owner[subject] = shard
		}
	}
	if want := 3 * layout.Partitions; len(owner) != want {
		t.Errorf("%d subjects, want %d", len(owner), want)
	}
}

func TestDeadSubjects(t *testing.T) {
	for got, want := range map[string]string{
		schemas.DeadSubject("acme", "ep_1"):                                  "dead.acme.ep_1",
		schemas.DeadEventSubject("acme"):                                     "dead.acme.event",
		schemas.DeadEventSubject(""):                                         "dead.%.event",
		schemas.DeadEventSubject("*"):                                        "dead.%.event",
		schemas.DeadEventSubject(">"):                                        "dead.%.event",
		schemas.DeadEventSubject("a.b"):                                      "dead.%.event",
		schemas.DeadEventSubject(schemas.TenantID(strings.Repeat("x", 4e3))): "dead.%.event",
		schemas.DeadSubject("Acme", "ep_1"):                                  "dead.%.ep_1",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		checkSubject(t, got)
		if !server.SubjectsCollide(schemas.DeadSubjects, got) {
			t.Errorf("DEAD does not store %s", got)
		}
	}
}
