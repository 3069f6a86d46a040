//go:build unix

package bodies_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/dispatcher/bodies"
	"github.com/tidings-dev/tidings/schemas"
)

// BenchmarkStored is what fanout's maxInline was chosen by: the CPU time, of the
// broker in this process too, that a delivery takes from the storing of its event
// to its acknowledgement, without the attempt: with its data, and by reference.
// Each iteration is a round of either; the medians over all are reported. Run it
// with -benchtime 7x or more.
func BenchmarkStored(b *testing.B) {
	for _, kib := range []int{1, 4, 8, 16, 32, 64, 256} {
		for _, receivers := range []int{1, 2, 10} {
			b.Run(fmt.Sprintf("%dKiB/to=%d", kib, receivers), func(b *testing.B) { benchmarkStored(b, kib<<10, receivers) })
		}
	}
}

func benchmarkStored(b *testing.B, size, receivers int) {
	o := streamstest.Small()
	o.Layout.Partitions, o.Layout.Shards = 1, 1
	w := &workload{tb: b, env: streamstest.Start(b, o), receivers: receivers, events: max(128, min(1000, (32<<20)/size)) / receivers}
	w.data = bytes.Repeat([]byte("7"), size)
	var err error
	if w.js, err = jetstream.New(w.env.Connect()); err != nil {
		b.Fatal(err)
	}
	w.run(false) // the first pays for what the others find made
	w.run(true)
	var inline, reference []time.Duration
	for b.Loop() {
		inline = append(inline, w.run(false))
		reference = append(reference, w.run(true))
	}
	i, r := median(inline), median(reference)
	b.ReportMetric(float64(i.Nanoseconds())/1e3, "inline-µs")
	b.ReportMetric(float64(r.Nanoseconds())/1e3, "reference-µs")
	b.ReportMetric(float64(r)/float64(i), "x/inline")
	b.ReportMetric(0, "ns/op")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// workload is some events, each for the same number of receivers.
type workload struct {
	tb                testing.TB
	env               *streamstest.Env
	js                jetstream.JetStream
	data              []byte
	events, receivers int
}

// run is the CPU time of one delivery.
func (w *workload) run(byReference bool) time.Duration {
	nc := w.env.Connect()
	defer nc.Close()
	var left sync.WaitGroup
	left.Add(w.events * (1 + w.receivers))
	found := bodies.New(nc, slog.New(slog.DiscardHandler))
	before := cpu(w.tb)
	w.consume(nc, schemas.StreamEvents, schemas.FanoutConsumer(0), func(m jetstream.Msg) {
		w.fanOut(m, byReference)
		left.Done()
	})
	w.consume(nc, w.env.Layout.DeliveriesStream(0), schemas.DispatchConsumer(0), func(m jetstream.Msg) {
		d, err := schemas.ReadDelivery(m.Subject(), m.Headers(), m.Data())
		if err != nil {
			w.tb.Error(err)
			return
		}
		go func() { // as an attempt would
			defer left.Done()
			if whole, err := found.Load(w.tb.Context(), d); err != nil || len(whole.Data) != len(w.data) {
				w.tb.Error(err)
			}
			_ = m.Ack()
		}()
	})
	for range w.events {
		if _, err := w.js.PublishMsgAsync(&nats.Msg{Subject: schemas.EventSubject("acme", "user.created"), Header: eventHeader(), Data: w.data}); err != nil {
			w.tb.Fatal(err)
		}
	}
	left.Wait()
	if err := nc.Flush(); err != nil {
		w.tb.Fatal(err)
	}
	return (cpu(w.tb) - before) / time.Duration(w.events*w.receivers)
}

func (w *workload) consume(nc *nats.Conn, stream, name string, handle jetstream.MessageHandler) {
	js, err := jetstream.New(nc)
	if err != nil {
		w.tb.Fatal(err)
	}
	c, err := js.Consumer(w.tb.Context(), stream, name)
	if err != nil {
		w.tb.Fatal(err)
	}
	if _, err := c.Consume(handle, jetstream.PullMaxMessages(256)); err != nil { // ends with nc
		w.tb.Fatal(err)
	}
}

// fanOut stores an event's deliveries, as fanout does.
func (w *workload) fanOut(m jetstream.Msg, byReference bool) {
	meta, err := m.Metadata()
	if err != nil {
		w.tb.Error(err)
		return
	}
	for n := range w.receivers {
		to := schemas.EndpointID(fmt.Sprintf("ep_%d", n))
		d := schemas.Delivery{
			ID:     schemas.NewDeliveryID(meta.Timestamp, meta.Sequence.Stream, to),
			Tenant: "acme", Endpoint: to, Event: schemas.Header(m.Headers()), Data: m.Data(),
		}
		if byReference {
			d.Reference = len(d.Data)
		}
		out := &nats.Msg{Subject: w.env.Layout.ReadySubject(to), Header: nats.Header(d.Header()), Data: d.Body()}
		if _, err := w.js.PublishMsgAsync(out, jetstream.WithMsgID(d.MessageID())); err != nil {
			w.tb.Error(err)
		}
	}
	_ = m.Ack()
}

// cpu is the time that this process has spent on CPUs, user's and system's.
func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
