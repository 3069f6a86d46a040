package pipe

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/schemas"
)

// TestThePipeOverTLS has the roles and a service meet at sockets, as they are
// shipped.
func TestThePipeOverTLS(t *testing.T) {
	r := startRoles(t, startShipped(t, true), [2]string{"fanout", "fanout"}, [2]string{"dispatcher", "dispatcher"})
	r.call(201, "POST", "/v1/tenants", `{"id":"acme"}`)
	e := schemas.Endpoint{ID: "ep_a", Tenant: testTenant, URL: "http://receiver.test/ep_a", Secrets: []schemas.Secret{schemas.NewSecret(testSecret)}}
	s := schemas.Subscription{ID: "sub_a", Tenant: testTenant, Endpoint: "ep_a", Types: []schemas.TypePattern{"*"}}
	if err := errors.Join(r.registry.PutEndpoint(t.Context(), e), r.registry.PutSubscription(t.Context(), s)); err != nil {
		t.Fatal(err)
	}
	r.publish(t.Context(), "e1")
	r.reaches("ep_a", 1)
	r.nats.log.check(t)
}

// TestAMissingRightIsNamed has processes whose users lack a right: they say which,
// at once.
func TestAMissingRightIsNamed(t *testing.T) {
	for _, row := range []struct{ name, user, role, inbox, want string }{
		{"cannot make streams", "fanout", "api", "_INBOX.fanout", `NATS denies the user of this process: publish to "$JS.API.STREAM.UPDATE.EVENTS": give the user that right: deploy/nats/accounts.conf has`},
		{"cannot hear", "fanout", "dispatcher", "", `subscription to "_INBOX.dispatcher.`},
		{"says how to hear", "fanout", "dispatcher", "", `set --nats-inbox-prefix`},
		{"is no role's", "services", "fanout", "_INBOX", `publish to "$JS.API.INFO"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				streamstest.DropTimers(t)
				s := startShipped(t, false)
				settings := s.settings(row.user, row.role)
				settings.NATS.Inbox = row.inbox
				began := time.Now()
				p, err := Start(t.Context(), settings, slog.New(slog.DiscardHandler), Hooks{Broker: s.through()})
				if err == nil {
					t.Fatal(p.Stop())
				}
				if !schemas.HasCode(err, schemas.CodeForbidden) || !strings.Contains(err.Error(), row.want) {
					t.Errorf("got %v\nwant it to say %q", err, row.want)
				}
				if took := time.Since(began); took > 0 {
					t.Errorf("it waited for %s", took)
				}
			})
		})
	}
}

// TestTheRightsOfAnotherRole has a process that may read all it needs, but not share
// the work of its role.
func TestTheRightsOfAnotherRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streamstest.DropTimers(t)
		s := startShipped(t, false)
		s.apply()
		settings := s.settings("dispatcher", "fanout")
		settings.NATS.Inbox = inboxes["dispatcher"]
		settings.SecretsKeyFile = ""
		p, err := Start(t.Context(), settings, slog.New(slog.DiscardHandler), Hooks{Broker: s.through()})
		if err == nil {
			t.Fatal(p.Stop())
		}
		if !schemas.HasCode(err, schemas.CodeForbidden) || !strings.Contains(err.Error(), `publish to "$JS.API.CONSUMER.CREATE.KV_tidings-members.`) {
			t.Errorf("got %v", err)
		}
	})
}

// TestARightMissedLaterIsLogged has a process that lacks a right which it needs once
// it runs.
func TestARightMissedLaterIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streamstest.DropTimers(t)
		const beat = "$KV.tidings-members.fanout.*"
		s := startShipped(t, false, func(o *server.Options) {
			for _, user := range o.Nkeys {
				if may := user.Permissions; may != nil && may.Publish != nil {
					may.Publish.Allow = slices.DeleteFunc(may.Publish.Allow, func(subject string) bool { return subject == beat })
				}
			}
		})
		s.apply()
		settings := s.settings("fanout", "fanout")
		settings.SecretsKeyFile = ""
		p, err := Start(t.Context(), settings, s.log.logger(), Hooks{Broker: s.through()})
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		_ = p.Stop()
		if text := s.log.text.String(); !strings.Contains(text, `publish to \"$KV.tidings-members.fanout.`) {
			t.Errorf("logged %s", text)
		}
	})
}

// TestWhoWaitsForTheStreamsSaysSo starts a dispatcher with nobody to make them.
func TestWhoWaitsForTheStreamsSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streamstest.DropTimers(t)
		s := startShipped(t, false)
		var mu sync.Mutex
		var text bytes.Buffer
		log := slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			return text.Write(b)
		}), nil))
		done := make(chan struct{})
		ctx := t.Context()
		go func() {
			defer close(done)
			p, err := Start(ctx, s.settings("dispatcher", "dispatcher"), log, Hooks{Broker: s.through()})
			if err != nil {
				t.Error(err)
			}
			_ = p.Stop()
		}()
		<-time.After(time.Hour)
		mu.Lock()
		if n := strings.Count(text.String(), "start a process with the role api"); n != 1 {
			t.Errorf("it says %d times what it waits for, want once:\n%s", n, text.String())
		}
		mu.Unlock()
		settings := s.settings("api", "api")
		p, err := Start(ctx, settings, slog.New(slog.DiscardHandler), Hooks{Broker: s.through()})
		if err != nil {
			t.Fatal(err)
		}
		<-done
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// TestAPublisherIsToldWhatItMayNot has a service of one tenant publish for another.
func TestAPublisherIsToldWhatItMayNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streamstest.DropTimers(t)
		s := startShipped(t, false)
		s.apply()
		for _, row := range []struct {
			tenant schemas.TenantID
			inbox  string
			maybe  bool
			want   string
		}{
			{"globex", "", false, `no right to publish to "events.globex.order.created"`},
			{"acme", "_HERE", true, `no right to hear the answer`},
		} {
			pub, err := producers.New(s.as("acme", row.inbox), producers.Options{Tenant: row.tenant, Source: "/test"})
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			_, err = pub.Publish(t.Context(), testEvent("e1"))
			var failed *producers.PublishError
			if !errors.As(err, &failed) || failed.MaybeStored != row.maybe || !schemas.HasCode(err, schemas.CodeForbidden) || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%s: got %v\nwant %q", row.tenant, err, row.want)
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("%s: it took %s", row.tenant, took)
			}
		}
	})
}

// TestShippedPermissions holds to the shape of the file what it says of itself: a
// worker may what its two roles may, all shards are alike, and a copy for another
// tenant is that tenant's.
func TestShippedPermissions(t *testing.T) {
	_, ids := makeUsers(t)
	opts, err := server.ProcessConfigFile(shippedUsers)
	if err != nil {
		t.Fatal(err)
	}
	may := map[string][]string{}
	for _, u := range opts.Nkeys {
		if u.Permissions != nil {
			may[ids[u.Nkey]] = u.Permissions.Publish.Allow
		}
	}
	union := slices.Concat(may["fanout"], may["dispatcher"])
	slices.Sort(union)
	worker := slices.Sorted(slices.Values(may["worker"]))
	if union = slices.Compact(union); !slices.Equal(union, worker) {
		t.Errorf("a worker may\n%q\nfanout and dispatcher\n%q", worker, union)
	}
	shard := regexp.MustCompile(`DELIVERIES_0\b`)
	for user, list := range may {
		for _, subject := range list {
			for n := range 4 {
				if other := shard.ReplaceAllString(subject, fmt.Sprintf("DELIVERIES_%d", n)); !slices.Contains(list, other) {
					t.Errorf("%s may %s and not %s", user, subject, other)
				}
			}
		}
	}
}
