package picture

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A caller is answered by a question that was asked after they came, and many who
// come meanwhile share one.
func TestBarrierAsksOnceForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // guards asked
		var asked []time.Time
		b := newBarrier(func(context.Context) error {
			mu.Lock()
			asked = append(asked, time.Now())
			mu.Unlock()
			<-time.After(10 * time.Millisecond)
			return nil
		})
		var callers sync.WaitGroup
		for i := range 100 {
			callers.Go(func() {
				<-time.After(time.Duration(i) * 90 * time.Microsecond) // within the first question
				came := time.Now()
				if err := b.CaughtUp(t.Context()); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if last := asked[len(asked)-1]; last.Before(came) {
					t.Errorf("came at %s, and was answered by a question of %s", came, last)
				}
			})
		}
		callers.Wait()
		if len(asked) != 2 {
			t.Errorf("%d questions, want one for the first, and one for all others", len(asked))
		}
	})
}

func TestBarrierDoesNotAskTooOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		b := newBarrier(func(context.Context) error { asked++; return nil })
		began := time.Now()
		for range 1000 {
			if err := b.CaughtUp(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); asked != 1000 || took < 999*barrierPause {
			t.Errorf("%d questions within %s", asked, took)
		}
	})
}

func TestBarrierHandsOnWhatWentWrong(t *testing.T) {
	fault := errors.New("not now")
	b := newBarrier(func(context.Context) error { return fault })
	if err := b.CaughtUp(t.Context()); !errors.Is(err, fault) {
		t.Errorf("got %v", err)
	}
}

// A question belongs to all who wait for it: one that went away ends nothing for
// the others, and one that is never answered ends for all.
func TestBarrierOutlivesItsCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBarrier(func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Second):
				return nil
			}
		})
		gone, leave := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		for i := range 10 {
			callers.Go(func() {
				ctx := t.Context()
				if i%2 == 1 { // the second asks for all who come after it
					ctx = gone
				}
				<-time.After(time.Duration(i) * time.Millisecond)
				if err := b.CaughtUp(ctx); err != nil && i%2 == 0 {
					t.Errorf("caller %d: %v", i, err)
				}
			})
		}
		<-time.After(100 * time.Millisecond)
		leave()
		callers.Wait()

		b.ask = func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		began := time.Now()
		for range 10 {
			callers.Go(func() {
				if err := b.CaughtUp(t.Context()); err == nil {
					t.Error("no error of a question that nobody answered")
				}
			})
		}
		callers.Wait()
		if took := time.Since(began); took > 3*barrierTimeout {
			t.Errorf("took %s", took)
		}
	})
}
