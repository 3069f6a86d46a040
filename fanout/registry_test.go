package fanout_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidings-dev/tidings/fanout"
	"github.com/tidings-dev/tidings/schemas"
)

// memory is a registry that shows every change at once.
type memory struct {
	index     *fanout.Index
	histories *fanout.Histories
	faults    atomic.Int64 // how often it does not answer from now on
	asked     atomic.Int64 // how often it was asked to catch up
	slow      atomic.Int64 // how long that takes, in nanoseconds

	mu       sync.Mutex // guards what follows
	subs     map[schemas.SubscriptionID]schemas.Subscription
	progress map[schemas.SubscriptionID]uint64
}

func newMemory(index *fanout.Index) *memory {
	return &memory{
		index: index, histories: fanout.NewHistories(),
		subs: map[schemas.SubscriptionID]schemas.Subscription{}, progress: map[schemas.SubscriptionID]uint64{},
	}
}

func (m *memory) put(s schemas.Subscription) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.show(s)
}

func (m *memory) show(s schemas.Subscription) {
	m.subs[s.ID] = s
	c := schemas.Change{Subscription: &s, Updated: time.Now()}
	m.index.Apply(c)
	m.histories.Apply(c)
}

func (m *memory) remove(id schemas.SubscriptionID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.subs, id)
	c := schemas.Change{Subscription: &schemas.Subscription{ID: id}, Removed: true}
	m.index.Apply(c)
	m.histories.Apply(c)
}

func (m *memory) CaughtUp(context.Context) error {
	m.asked.Add(1)
	if slow := m.slow.Load(); slow > 0 {
		<-time.After(time.Duration(slow))
	}
	return m.fault()
}

func (m *memory) fault() error {
	if m.faults.Add(-1) >= 0 {
		return errors.New("not now")
	}
	return nil
}

func (m *memory) SetHistory(_ context.Context, id schemas.SubscriptionID, change func(*schemas.History) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.subs[id]
	if !ok {
		return schemas.Errorf(schemas.CodeNotFound, "no such subscription")
	}
	if err := m.fault(); err != nil {
		return err
	}
	h := *s.History
	if err := change(&h); err != nil {
		return err
	}
	s.History = &h
	m.show(s)
	return nil
}

func (m *memory) Progress(ctx context.Context, s schemas.Subscription) (uint64, error) {
	if s.ID == "sub_stuck" {
		<-ctx.Done() // nobody reads it
		return 0, ctx.Err()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.progress[s.ID], m.fault()
}

func (m *memory) SetProgress(_ context.Context, s schemas.Subscription, sequence uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.fault(); err != nil {
		return err
	}
	m.progress[s.ID] = sequence
	return nil
}

func (m *memory) history(id schemas.SubscriptionID) schemas.History {
	m.mu.Lock()
	defer m.mu.Unlock()
	return *m.subs[id].History
}
