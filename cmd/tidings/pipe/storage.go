package pipe

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/api"
	"github.com/tidings-dev/tidings/config/broker"
	"github.com/tidings-dev/tidings/config/streams"
)

const (
	// storageEvery is how often the disk is looked at. What comes in meanwhile must
	// fit into the reserve.
	storageEvery = time.Second
	// storagePatience is how many looks in a row have to find that the broker cannot
	// write: a stream that is being made is not well for a moment.
	storagePatience = 3
	intakeWait      = 5 * time.Second
)

// storage watches the disk of the embedded broker. New events are refused before
// it is full, so that there is room for what follows from those that were accepted.
// Where that was not enough, the process ends: the broker would take nothing in
// until it starts anew.
type storage struct {
	process *Process
	server  *broker.Server
	js      jetstream.JetStream
	closed  bool // new events are refused; run's own

	mu      sync.Mutex // guards what follows
	problem string     // for /readyz; empty if all is well
}

func (p *Process) startStorage(ctx context.Context) error {
	if p.embedded == nil {
		return nil
	}
	nc, err := p.Connection("storage")
	if err != nil {
		return err
	}
	s := &storage{process: p, server: p.embedded}
	if s.js, err = jetstream.New(nc); err != nil {
		return err
	}
	p.check(s.check)
	s.look(ctx)
	p.background(ctx, "storage", s.run)
	return nil
}

func (s *storage) check() api.Check {
	s.mu.Lock()
	defer s.mu.Unlock()
	return api.Check{Name: "storage", Problem: s.problem}
}

// run returns an error once the broker cannot store any more.
func (s *storage) run(ctx context.Context) error {
	ticker := time.NewTicker(storageEvery)
	defer ticker.Stop()
	failures := 0
	for failures < storagePatience {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := s.server.Health(); err != nil {
			s.say(err.Error())
			failures++
			continue
		}
		if failures > 0 && !s.closed {
			s.say("")
		}
		failures = 0
		s.look(ctx)
	}
	return fmt.Errorf("%w (%s): make room if the disk is full, and start again; nothing that was accepted is lost", s.server.Health(), s.server.Room())
}

// look closes EVENTS if the disk is nearly full, and opens it again.
func (s *storage) look(ctx context.Context) {
	room := s.server.Room()
	switch {
	case !s.closed && room.Scarce():
		if s.setIntake(ctx, false) {
			s.closed = true
			s.say(fmt.Sprintf("the disk of %s is nearly full (%s): new events are refused until %d MiB are", s.process.settings.DataDir, room, room.Reserve()/4*5>>20))
			s.process.log.ErrorContext(ctx, "new events are refused: the disk is nearly full; make room", "dir", s.process.settings.DataDir, "room", room.String())
		}
	case s.closed && room.Ample():
		if s.setIntake(ctx, true) {
			s.closed = false
			s.say("")
			s.process.log.InfoContext(ctx, "new events are accepted again", "dir", s.process.settings.DataDir, "room", room.String())
		}
	}
}

func (s *storage) say(problem string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problem = problem
}

func (s *storage) setIntake(ctx context.Context, open bool) bool {
	ctx, cancel := context.WithTimeout(ctx, intakeWait)
	defer cancel()
	s.process.journal.SetFull(!open) // the room that is left is for deliveries
	err := streams.SetIntake(ctx, s.js, open)
	if err != nil && ctx.Err() == nil {
		s.process.log.WarnContext(ctx, "open or close EVENTS for new events", "open", open, "error", err)
	}
	return err == nil
}
