package streams_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/streams"
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

// A watch goes on though the client library has given it up, which it does for most of
// what it may be answered when it notices that its consumer is gone. It ends with the
// bucket.
func TestWatchesThatTheClientGaveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := streamstest.Start(t, streamstest.Small())
		js, err := jetstream.New(env.NC)
		if err != nil {
			t.Fatal(err)
		}
		stream, kv := narrow(t, js)
		watch, err := streams.Following(kv, env.NC).WatchAll(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if entry := <-watch.Updates(); entry != nil {
			t.Fatalf("%s was there at first", entry.Key())
		}
		for name := range stream.ConsumerNames(t.Context()).Name() {
			if err := stream.DeleteConsumer(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		// Another has the only place meanwhile.
		if _, err := stream.CreateConsumer(t.Context(), jetstream.ConsumerConfig{Durable: "other"}); err != nil {
			t.Fatal(err)
		}
		if _, err := kv.PutString(t.Context(), "key", "x"); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		if err := stream.DeleteConsumer(t.Context(), "other"); err != nil {
			t.Fatal(err)
		}
		if entry, ok := <-watch.Updates(); !ok || entry == nil || entry.Key() != "key" {
			t.Fatalf("%v came, %t; want the key", entry, ok)
		}
		if err := js.DeleteStream(t.Context(), "KV_one"); err != nil {
			t.Fatal(err)
		}
		if entry, ok := <-watch.Updates(); ok {
			t.Fatalf("%v came of a bucket that is gone", entry)
		}
	})
}

// narrow is a bucket that takes one consumer only.
func narrow(t *testing.T, js jetstream.JetStream) (jetstream.Stream, jetstream.KeyValue) {
	t.Helper()
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "KV_one", Subjects: []string{"$KV.one.>"}, MaxMsgsPerSubject: 1, AllowDirect: true, MaxConsumers: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.KeyValue(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	return stream, kv
}
