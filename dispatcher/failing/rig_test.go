package failing

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/attempt"
	"github.com/tidings-dev/tidings/schemas"
)

const (
	day   = 24 * time.Hour
	after = 5 * day // by default
)

var errAway = errors.New("away")

// rig is a registry and a place for events, and the list of whoever owns the
// partition.
type rig struct {
	t       *testing.T
	targets *attempt.Targets
	list    *List
	stop    func()
	began   time.Time
	refuses bool          // announce does
	late    time.Duration // how long it takes until targets show what disable did

	mu       sync.Mutex // guards what follows
	endpoint schemas.Endpoint
	kept     map[schemas.EndpointID]string
	writes   int // of kept
	disabled []schemas.Reason
	events   []Notice
	away     map[string]bool // what does not answer: notes, note, disable, announce
	asked    map[string]int
}

const id = schemas.EndpointID("ep_a")

func newRig(t *testing.T) *rig {
	r := &rig{
		t: t, targets: attempt.NewTargets(), began: time.Now(), kept: map[schemas.EndpointID]string{},
		away: map[string]bool{}, asked: map[string]int{},
		endpoint: schemas.Endpoint{ID: id, Tenant: "acme", URL: "http://hooks.test:81/a?key=1", Secrets: []schemas.Secret{schemas.NewSecret("s")}},
	}
	r.targets.Apply(schemas.Change{Endpoint: &r.endpoint, Updated: time.Now()})
	r.own()
	t.Cleanup(func() { r.stop() })
	return r
}

// own starts an owner of the partition.
func (r *rig) own() {
	r.list = New(Options{
		Targets: r.targets, Mine: func(id schemas.EndpointID) bool { return id != "ep_other" },
		Store: r, Disable: r.disable, Announce: r.announce, Log: slog.New(slog.DiscardHandler),
	})
	stop := r.list.Start(context.Background())
	r.stop = sync.OnceFunc(stop)
	synctest.Wait()
}

// takeOver ends the owner, in peace or by a crash, and starts another.
func (r *rig) takeOver(crash bool) {
	r.ask("note", crash)
	r.stop()
	r.ask("note", false)
	r.own()
}

// pass waits, and for whatever that brings about.
func (r *rig) pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func (r *rig) ask(what string, away bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.away[what] = away
}

func (r *rig) answer(what string) error {
	r.asked[what]++
	if r.away[what] {
		return errAway
	}
	return nil
}

// Notes and SetNote keep text, as the registry does.
func (r *rig) Notes(context.Context) (map[schemas.EndpointID]Note, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	notes := map[schemas.EndpointID]Note{}
	for id, text := range r.kept {
		var n Note
		if err := json.Unmarshal([]byte(text), &n); err != nil {
			r.t.Error(err)
		}
		notes[id] = n
	}
	return notes, r.answer("notes")
}

func (r *rig) SetNote(_ context.Context, id schemas.EndpointID, n Note) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.answer("note"); err != nil {
		return err
	}
	r.writes++
	if n.IsZero() {
		delete(r.kept, id)
		return nil
	}
	text, err := json.Marshal(n)
	r.kept[id] = string(text)
	return err
}

func (r *rig) disable(_ context.Context, _ schemas.EndpointID, why schemas.Reason) error {
	r.mu.Lock()
	if err := r.answer("disable"); err != nil {
		r.mu.Unlock()
		return err
	}
	r.disabled = append(r.disabled, why)
	r.mu.Unlock()
	edit := func() { r.edit(func(e *schemas.Endpoint) { e.Disabled = why }) }
	if r.late > 0 {
		time.AfterFunc(r.late, edit)
	} else {
		edit()
	}
	return nil
}

func (r *rig) announce(_ context.Context, n Notice) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, n)
	if r.refuses {
		return schemas.Errorf(schemas.CodeInvalid, "no such thing")
	}
	return r.answer("announce")
}

// edit changes the endpoint.
func (r *rig) edit(change func(*schemas.Endpoint)) {
	r.mu.Lock()
	e := r.endpoint
	change(&e)
	r.endpoint = e
	r.mu.Unlock()
	r.targets.Apply(schemas.Change{Endpoint: &e, Updated: time.Now()})
}

func (r *rig) fail() { r.attempt(schemas.Retry, 503) }

// attempt is one that took no time, and the list's no time to take in.
func (r *rig) attempt(kind schemas.Kind, status int) {
	before := time.Now()
	a := schemas.Attempt{Number: 1, Status: status}
	if kind != schemas.Delivered {
		a.Reason = schemas.ReasonServerError
	}
	r.list.Done(&schemas.Delivery{Tenant: "acme", Endpoint: id}, a, kind)
	if took := time.Since(before); took > 0 {
		r.t.Errorf("an attempt was held up for %s", took)
	}
}

// failUntil fails once an hour until a time after the beginning, that one included.
func (r *rig) failUntil(end time.Duration) {
	for {
		r.fail()
		synctest.Wait()
		if time.Since(r.began) >= end {
			return
		}
		r.pass(min(time.Hour, end-time.Since(r.began)))
	}
}

// kinds are the events so far, those that were refused included.
func (r *rig) kinds() (kinds []Kind) {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.events {
		kinds = append(kinds, n.Kind)
	}
	return kinds
}

func (r *rig) want(when string, kinds ...Kind) {
	r.t.Helper()
	if got := r.kinds(); !slices.Equal(got, kinds) {
		r.t.Errorf("%s: the events were %v, want %v", when, got, kinds)
	}
	want := 0
	if slices.Contains(kinds, Disabled) {
		want = 1
	}
	if len(r.disabled) != want {
		r.t.Errorf("%s: it was disabled %v", when, r.disabled)
	}
}

// nothing wants no trace of the endpoint.
func (r *rig) nothing(when string) {
	r.t.Helper()
	synctest.Wait()
	r.list.mu.Lock()
	defer r.list.mu.Unlock()
	if len(r.kept) > 0 || len(r.list.all) > 0 {
		r.t.Errorf("%s: notes %v and %d entries are left", when, r.kept, len(r.list.all))
	}
}

func inRig(t *testing.T, name string, test func(*testing.T, *rig)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(t, newRig(t)) })
	})
}
