package announce

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// Announcement is an event to be published to a tenant.
type Announcement struct {
	Tenant  schemas.TenantID
	Type    string
	Subject string    // CloudEvents' subject
	ID      string    // the event's: the same for the same thing
	At      time.Time // when it came to that
	Data    any
}

// TypeDead is the type of the event of a delivery that died.
const TypeDead = "delivery.dead"

// Letters announces dead letters.
type Letters struct {
	// Consumer reads DEAD, without bodies.
	Consumer jetstream.Consumer
	// Wanted reports whether anybody would get it.
	Wanted func(Announcement) bool
	// Publish returns once it is stored. An error with [schemas.CodeInvalid] is final.
	Publish func(context.Context, Announcement) error
	Log     *slog.Logger
}

// again is how long an announcement that was not stored waits.
const again = 30 * time.Second

// Run announces until ctx ends.
func (l *Letters) Run(ctx context.Context) error {
	consuming, err := l.Consumer.Consume(func(m jetstream.Msg) {
		if ctx.Err() != nil {
			_ = m.Nak()
			return
		}
		l.announce(ctx, m)
	}, jetstream.PullMaxMessages(1), jetstream.PullHeartbeat(5*time.Second), jetstream.PullExpiry(10*time.Second))
	if err != nil {
		return schemas.Errorf(schemas.CodeUnavailable, "read dead letters: %w", err)
	}
	select {
	case <-ctx.Done():
	case <-consuming.Closed():
	}
	consuming.Drain()
	<-consuming.Closed()
	if ctx.Err() == nil {
		return errors.New("read dead letters: the consumer is gone, or the connection")
	}
	return nil
}

// announce settles a letter: a lost ack costs a second announcement.
func (l *Letters) announce(ctx context.Context, m jetstream.Msg) {
	letter, err := schemas.ReadDeadLetter(m.Subject(), m.Headers(), nil)
	if err != nil || letter.Delivery == "" { // an event, which was no delivery yet
		_ = m.Ack()
		return
	}
	meta, err := m.Metadata()
	if err != nil {
		return
	}
	a := ofLetter(letter, meta)
	if a.about() == TypeDead || !l.Wanted(a) {
		_ = m.Ack()
		return
	}
	soon, cancel := context.WithTimeout(ctx, publishWait)
	defer cancel()
	err = l.Publish(soon, a)
	switch {
	case err == nil:
		_ = m.Ack()
	case schemas.HasCode(err, schemas.CodeInvalid):
		l.Log.ErrorContext(ctx, "death of a delivery not announced", "delivery", letter.Delivery, "tenant", a.Tenant, "error", err)
		_ = m.Ack()
	default:
		l.Log.WarnContext(ctx, "announce the death of a delivery; it is tried again", "delivery", letter.Delivery, "tenant", a.Tenant, "error", err)
		_ = m.NakWithDelay(again)
	}
}

// dead is the data of a [TypeDead] event.
type dead struct {
	Delivery   schemas.DeliveryID `json:"delivery"`
	Endpoint   schemas.EndpointID `json:"endpoint"`
	Event      about              `json:"event"`
	Reason     schemas.Reason     `json:"reason"`
	Detail     string             `json:"detail,omitempty"`
	Attempts   int                `json:"attempts"`
	LastReason schemas.Reason     `json:"last_reason,omitempty"`
	LastStatus int                `json:"last_status,omitempty"`
}

type about struct {
	ID     string `json:"id"`
	Source string `json:"source"`
	Type   string `json:"type"`
}

func ofLetter(l *schemas.DeadLetter, meta *jetstream.MsgMetadata) Announcement {
	event := schemas.Summarize(l.Header, 0)
	d := dead{
		Delivery: l.Delivery, Endpoint: l.Endpoint, Event: about{event.ID, event.Source, event.Type},
		Reason: l.Reason, Detail: strings.TrimSpace(l.Detail),
	}
	if n := len(l.History); n > 0 {
		last := l.History[n-1]
		d.Attempts, d.LastReason, d.LastStatus = last.Number, last.Reason, last.Status
	}
	return Announcement{
		Tenant: l.Tenant, Type: TypeDead, Subject: string(l.Delivery), At: meta.Timestamp, Data: d,
		ID: fmt.Sprintf("%s.dead.%d", l.Delivery, meta.Sequence.Stream), // it may die again, after a replay
	}
}

// about is the type of the event whose delivery died.
func (a Announcement) about() string {
	d, _ := a.Data.(dead)
	return d.Event.Type
}
