package dispatcher

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// So many enter at once; the next do when one of them leaves, or after freshTime.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, began := gate(make(chan struct{}, 2)), time.Now()
		enter := func(want time.Duration) *pass {
			t.Helper()
			p := g.enter(t.Context())
			if at := time.Since(began); at != want {
				t.Errorf("entered after %s, want %s", at, want)
			}
			return p
		}
		first, hangs := enter(0), enter(0)
		first.leave()
		first.leave() // no second time
		enter(0)
		enter(freshTime) // those before hang
		enter(freshTime)
		hangs.leave() // has none any more
		enter(2 * freshTime)
		<-time.After(time.Hour)
		ended, cancel := context.WithCancel(t.Context())
		enter(time.Hour + 2*freshTime)
		enter(time.Hour + 2*freshTime)
		cancel()
		none := g.enter(ended)
		none.leave()
		if none != nil {
			t.Error("entered a full gate after the end")
		}
		<-time.After(freshTime)
		synctest.Wait()
		if len(g) > 0 {
			t.Errorf("%d places are never free again", len(g))
		}
	})
}
