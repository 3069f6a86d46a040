// Package producerstest lets a service test what it publishes without a
// server.
package producerstest

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/schemas"
)

// Sink keeps the events that are published to it. The zero value is ready, and
// safe for concurrent use.
type Sink struct {
	mu     sync.Mutex // guards events
	events []schemas.Event
}

// Publish keeps e if a publisher would take it. Beside what e lacks that a
// publisher fills in, the kept event is as it was given.
func (s *Sink) Publish(_ context.Context, e schemas.Event) (producers.Receipt, error) {
	whole := e.Clone()
	if whole.ID() == "" {
		whole.SetID("filled-in")
	}
	if whole.Source() == "" {
		whole.SetSource("/filled-in")
	}
	if err := schemas.ValidateEvent(&whole); err != nil {
		return producers.Receipt{}, &producers.PublishError{Event: e, Err: err}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
	return producers.Receipt{EventID: whole.ID(), Sequence: uint64(len(s.events))}, nil
}

// Events are the events so far, oldest first.
func (s *Sink) Events() []schemas.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]schemas.Event(nil), s.events...)
}

// Case is one call of a function that publishes, and what must come of it.
type Case struct {
	Name string
	Call func(context.Context, producers.Sink) (producers.Receipt, error)
	// Type, Subject and Data (as JSON) are those of the one event that must be
	// published.
	Type, Subject, Data string
	// Refused, if it is set, stands in the error, and nothing must be published.
	Refused string
}

// Run tests the cases, one subtest each.
func Run(t *testing.T, cases []Case) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.Name, c.run)
	}
}

func (c Case) run(t *testing.T) {
	var sink Sink
	receipt, err := c.Call(t.Context(), &sink)
	events := sink.Events()
	if c.Refused != "" {
		var refusal *producers.PublishError
		if !errors.As(err, &refusal) || refusal.MaybeStored || !strings.Contains(err.Error(), c.Refused) {
			t.Errorf("error is %v\nwant a PublishError, not stored, with %q", err, c.Refused)
		}
		if len(events) > 0 {
			t.Errorf("published %v, want nothing", events)
		}
		return
	}
	if err != nil || len(events) != 1 || receipt.Sequence != 1 {
		t.Fatalf("receipt %+v, error %v, %d events; want one event and its receipt", receipt, err, len(events))
	}
	e := events[0]
	if e.Type() != c.Type || e.Subject() != c.Subject || e.DataContentType() != "application/json" {
		t.Errorf("type %q, subject %q, datacontenttype %q; want %q, %q and JSON", e.Type(), e.Subject(), e.DataContentType(), c.Type, c.Subject)
	}
	if !sameJSON(t, e.Data(), []byte(c.Data)) {
		t.Errorf("data is %s\nwant    %s", e.Data(), c.Data)
	}
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal(a, &x), json.Unmarshal(b, &y)); err != nil {
		t.Fatalf("not JSON: %v\n%s\n%s", err, a, b)
	}
	return reflect.DeepEqual(x, y)
}
