package dispatcher

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClock()
		is := func(when string, ahead time.Duration) {
			t.Helper()
			if got := time.Until(c.now()); got != ahead {
				t.Errorf("%s: it is %s ahead, want %s", when, got, ahead)
			}
		}
		// answered has JetStream's clock, which is ahead by some time, read in the middle
		// of a question that takes 200 ms.
		answered := func(ahead time.Duration) {
			asked := time.Now()
			<-time.After(100 * time.Millisecond)
			said := time.Now().Add(ahead)
			<-time.After(100 * time.Millisecond)
			c.hear(said, asked)
		}
		is("at first", 0)
		answered(150 * time.Millisecond)
		is("after less than one could tell", 0)
		answered(-5 * time.Minute)
		is("of a machine that is late", -5*time.Minute)
		<-time.After(time.Hour)
		answered(-5*time.Minute + 100*time.Millisecond)
		is("much later", -5*time.Minute)
		answered(time.Hour)
		is("after it was set", time.Hour)
	})
}
