package registry

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
		var asked []time.Time
		b := newBarrier(func(context.Context) error {
			asked = append(asked, time.Now())
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
	synctest.Test(t, func(t *testing.T) {
		fault := errors.New("not now")
		b := newBarrier(func(context.Context) error { return fault })
		if err := b.CaughtUp(t.Context()); !errors.Is(err, fault) {
			t.Errorf("got %v", err)
		}
		b.ask = func(context.Context) error {
			<-time.After(time.Minute)
			return nil
		}
		go func() { _ = b.CaughtUp(t.Context()) }()
		synctest.Wait()
		go func() { _ = b.CaughtUp(t.Context()) }() // asks next
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := b.CaughtUp(ctx); err == nil || time.Since(began) > 2*time.Second {
			t.Errorf("%v after %s, want an error when its time is over", err, time.Since(began))
		}
		fault = nil
		<-time.After(3 * time.Minute)
	})
}
