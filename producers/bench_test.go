package producers_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/schemas"
)

func kibibyte() schemas.Event {
	e := created("e1")
	e.SetSource(source)
	e.SetTime(time.Now())
	e.DataEncoded = []byte(`{"text":"` + strings.Repeat("x", 1024-11) + `"}`)
	return e
}

// BenchmarkPublishAsync compares the publisher to the ceiling: the JetStream
// client alone, with as much in flight and a message of the same bytes.
func BenchmarkPublishAsync(b *testing.B) {
	b.Run("ceiling", func(b *testing.B) {
		env := streamstest.Start(b, streamstest.Small())
		js, err := jetstream.New(env.NC, jetstream.WithPublishAsyncMaxPending(1024))
		if err != nil {
			b.Fatal(err)
		}
		e := kibibyte()
		header, data, err := schemas.EncodeEvent(&e)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(data)))
		n := 0
		for b.Loop() {
			n++
			m := &nats.Msg{Subject: "events.acme.user.created", Header: nats.Header(header), Data: data}
			m.Header.Set(nats.MsgIdHdr, strconv.Itoa(n))
			if _, err := js.PublishMsgAsync(m, jetstream.WithStallWait(time.Minute)); err != nil {
				b.Fatal(err)
			}
		}
		<-js.PublishAsyncComplete()
	})
	b.Run("publisher", func(b *testing.B) {
		p := publisher(b, streamstest.Start(b, streamstest.Small()).NC, producers.Options{})
		e := kibibyte()
		b.SetBytes(int64(len(e.DataEncoded)))
		var last *producers.Future
		n := 0
		for b.Loop() {
			n++
			e.SetID(strconv.Itoa(n))
			f, err := p.PublishAsync(b.Context(), e)
			if err != nil {
				b.Fatal(err)
			}
			last = f
		}
		if _, err := last.Wait(b.Context()); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkEncode is what an event costs before the client has it.
func BenchmarkEncode(b *testing.B) {
	e := kibibyte()
	b.Run("validate", func(b *testing.B) {
		for b.Loop() {
			if err := schemas.ValidateEvent(&e); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := schemas.EncodeEvent(&e); err != nil {
				b.Fatal(err)
			}
		}
	})
}
