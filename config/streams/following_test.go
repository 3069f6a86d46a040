package streams_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/config/streams/streamstest"
)

// A watch tells what is written after the broker was restarted as soon as before, and
// each change once.
func TestWatchesGoOnAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := streamstest.Start(t, streamstest.Small())
		writer := env.Members
		watch, err := env.Members.WatchAll(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got, want []string
		put := func(n int) {
			t.Helper()
			want = append(want, fmt.Sprintf("key.%d", n))
			if _, err := writer.PutString(t.Context(), fmt.Sprintf("key.%d", n), "x"); err != nil {
				t.Fatal(err)
			}
		}
		next := func() {
			t.Helper()
			select {
			case entry := <-watch.Updates():
				if entry == nil {
					t.Fatal("what was there at first ended a second time")
				}
				got = append(got, entry.Key())
			case <-time.After(time.Second):
				t.Fatal("nothing came for a second")
			}
		}
		if entry := <-watch.Updates(); entry != nil {
			t.Fatalf("%s was there at first", entry.Key())
		}
		for n := range 20 {
			put(n)
			if n%5 > 0 { // some are not read before the restart
				next()
			}
			if n%7 == 3 {
				env.Down()
				<-time.After(time.Duration(n) * time.Second)
				env.Up()
				<-time.After(time.Second)
			}
		}
		for len(got) < len(want) {
			next()
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if err := watch.Stop(); err != nil {
			t.Error(err)
		}
		if entry, ok := <-watch.Updates(); ok {
			t.Errorf("%v came after the end", entry)
		}
	})
}
