package announce_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/announce"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

func TestMain(m *testing.M) { streamstest.Main(m) }

// board is what was announced.
type board struct {
	mu    sync.Mutex // guards what follows
	all   []announce.Announcement
	fails []error // of the next calls
}

func (b *board) publish(_ context.Context, a announce.Announcement) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.fails) > 0 {
		err := b.fails[0]
		b.fails = b.fails[1:]
		return err
	}
	b.all = append(b.all, a)
	return nil
}

// ids are those of the events, and each event's data is as its type says.
func (b *board) ids(t *testing.T) (ids []string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.all {
		ids = append(ids, a.ID)
		data, err := json.Marshal(a.Data)
		if err != nil {
			t.Fatal(err)
		}
		if err := catalogue.New().Find(a.Tenant, a.Type).Validate(data); err != nil {
			t.Errorf("%s: %v", data, err)
		}
	}
	return ids
}

// letters puts dead letters to DEAD.
type letters struct {
	t    *testing.T
	js   jetstream.JetStream
	died int
}

func (l *letters) put(m *nats.Msg) (sequence uint64) {
	l.t.Helper()
	ack, err := l.js.PublishMsg(l.t.Context(), m)
	if err != nil {
		l.t.Fatal(err)
	}
	return ack.Sequence
}

// delivery dies, of an event of a type; the id is its announcement's.
func (l *letters) delivery(tenant schemas.TenantID, eventType string, attempts ...schemas.Attempt) (id string) {
	l.t.Helper()
	l.died++
	d := &schemas.Delivery{
		ID: schemas.NewDeliveryID(time.Now(), uint64(l.died), "ep_a"), Tenant: tenant, Endpoint: "ep_a", Attempts: len(attempts), History: attempts,
		Event: schemas.Header{"ce-id": {fmt.Sprint("e", l.died)}, "ce-source": {"/s"}, "ce-type": {eventType}}, Data: []byte("{}"),
	}
	sequence := l.put(&nats.Msg{
		Subject: schemas.DeadSubject(tenant, "ep_a"), Data: d.Data,
		Header: nats.Header(schemas.DeadDelivery(d, schemas.Outcome{Kind: schemas.Dead, Reason: schemas.ReasonExhausted, Detail: "it answered 503"})),
	})
	return fmt.Sprintf("%s.dead.%d", d.ID, sequence)
}

// TestLetters has deliveries die before anybody announces, while somebody does, and
// while nobody can.
func TestLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := streamstest.Start(t, streamstest.Small())
		js, err := jetstream.New(env.NC)
		if err != nil {
			t.Fatal(err)
		}
		l, b := &letters{t: t, js: js}, &board{}
		run := func() (stop func()) {
			consumer, err := js.Consumer(t.Context(), schemas.StreamDead, schemas.AnnounceConsumer)
			if err != nil {
				t.Fatal(err)
			}
			by := announce.Letters{
				Consumer: consumer, Publish: b.publish, Log: slog.New(slog.DiscardHandler),
				Wanted: func(a announce.Announcement) bool { return a.Tenant == "acme" },
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- by.Run(ctx) }()
			return func() {
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}
		}
		failed := schemas.Attempt{Number: 1, At: time.Now(), Status: 503, Reason: schemas.ReasonServerError}
		want := []string{l.delivery("acme", "a.b", failed)}
		stop := run()
		want = append(want, l.delivery("acme", "a.b"))
		l.delivery("globex", "a.b")           // which nobody wants to hear
		l.delivery("acme", announce.TypeDead) // about a death
		l.put(&nats.Msg{                      // an event that became no delivery
			Subject: schemas.DeadEventSubject("acme"), Header: nats.Header(schemas.DeadEvent(nil, "acme", schemas.ReasonEventInvalid, "none")),
		})
		<-time.After(time.Second)
		if got := b.ids(t); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		stop()

		want = append(want, l.delivery("acme", "a.b"))
		l.delivery("acme", "never.published")
		b.fails = []error{
			schemas.Errorf(schemas.CodeFull, "no room"), schemas.Errorf(schemas.CodeInvalid, "never"),
			schemas.Errorf(schemas.CodeUnavailable, "not now"),
		}
		defer run()()
		<-time.After(5 * time.Minute)
		if got := b.ids(t); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// TestQuotas tells of each quota once an hour, and of none that nobody wants to hear.
func TestQuotas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &board{}
		q := announce.Quotas{Publish: b.publish, Wanted: func(a announce.Announcement) bool { return a.Tenant != "deaf" }, Log: slog.New(slog.DiscardHandler)}
		for range 90 {
			q.Reached("acme", "events", "too many")
			q.Reached("acme", "held", "too many")
			q.Reached("deaf", "events", "too many")
			<-time.After(time.Minute)
		}
		q.Wait()
		if got := b.ids(t); len(got) != 4 || len(slices.Compact(slices.Sorted(slices.Values(got)))) != 4 {
			t.Errorf("announced %q, want two of each hour", got)
		}
	})
}
