package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/schemas"
)

// fleetLayout starts fast, and has more partitions than there are processes.
var fleetLayout = schemas.Layout{Partitions: 8, Shards: 2}

// fleetEndpoints are the endpoints of a fleet, and the types of the events that
// each gets.
var fleetEndpoints = map[string][]string{
	"ep_all":     {"order.created", "order.removed", "stock.created", "stock.removed", "paper.updated"},
	"ep_users":   {"order.created", "order.removed"},
	"ep_rooms":   {"stock.created", "stock.removed"},
	"ep_created": {"order.created", "stock.created"},
	"ep_removed": {"order.removed", "stock.removed"},
	"ep_files":   {"paper.updated"},
	"ep_mixed":   {"paper.updated", "order.created"},
	"ep_strict":  {"stock.removed", "paper.updated"}, // gives up soon
}

// fleet is the pipe as an operator runs it: a NATS server and the roles, each a
// process of its own.
type fleet struct {
	t         *testing.T
	processes map[string]*process
	receiver  *receiver
	nc        *nats.Conn
	js        jetstream.JetStream
	pub       *producers.Publisher
}

// startFleet runs a NATS server, one api, two fanouts and two dispatchers.
func startFleet(t *testing.T, answer func(endpoint string) int) *fleet {
	t.Helper()
	built, dir := build(t, "tidings", "nats-server"), t.TempDir()
	f := &fleet{t: t, processes: map[string]*process{}, receiver: startReceiver(t, answer)}

	address, conf := freeAddress(t), filepath.Join(dir, "nats.conf")
	writeFile(t, conf, fmt.Sprintf("listen: %q\nmax_payload: 2MB\njetstream { store_dir: %q }\n", address, dir))
	f.processes["nats"] = newProcess(t, "nats", built["nats-server"], "-c", conf)
	f.restart("nats")

	file := filepath.Join(dir, "tidings.yaml")
	writeFile(t, file, fleetFile(f.receiver.addr))
	for _, role := range []struct {
		name  string
		flags []string
	}{
		{"api", []string{"--roles", "api", "--config", file}},
		{"fanout-1", []string{"--roles", "fanout"}},
		{"fanout-2", []string{"--roles", "fanout"}},
		{"dispatcher-1", []string{"--roles", "dispatcher"}},
		{"dispatcher-2", []string{"--roles", "dispatcher"}},
	} {
		args := append([]string{
			built["tidings"], "run", "--nats-url", "nats://" + address, "--http-addr", "127.0.0.1:0", "--egress-allow", "127.0.0.0/8",
			"--partitions", fmt.Sprint(fleetLayout.Partitions), "--shards", fmt.Sprint(fleetLayout.Shards), "--grace", "5s",
		}, role.flags...)
		f.processes[role.name] = newProcess(t, role.name, args...)
		f.restart(role.name)
	}
	f.connect("nats://" + address)
	return f
}

func (f *fleet) connect(url string) {
	f.t.Helper()
	var err error
	if f.nc, err = nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond)); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(f.nc.Close)
	if f.js, err = jetstream.New(f.nc); err != nil {
		f.t.Fatal(err)
	}
	if f.pub, err = producers.New(f.nc, producers.Options{Tenant: testTenant, Source: "/test"}); err != nil {
		f.t.Fatal(err)
	}
}

// restart runs a process that does not run, until it works.
func (f *fleet) restart(name string) {
	f.t.Helper()
	p := f.processes[name]
	if name == "nats" {
		p.start()
		p.says("Server is ready")
		return
	}
	p.running()
}

// fleetFile is the tidings.yaml of a fleet.
func fleetFile(receiver string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "tenants:\n  - id: %s\n    endpoints:\n", testTenant)
	for id, types := range fleetEndpoints {
		retry := "[200ms, 500ms, 1s, 1s, 2s, 2s, 3s, 5s]"
		if id == "ep_strict" {
			retry = "[100ms]"
		}
		fmt.Fprintf(&b, "      - id: %s\n        url: http://%s/%s\n        secrets: [{value: %s}]\n        policy: {retry: %s}\n        subscribe: [%s]\n",
			id, receiver, id, testSecret, retry, strings.Join(types, ", "))
	}
	return b.String()
}

// publish publishes events until stop is closed, and then until there are
// least. It returns the deliveries that they ask for, once every event is
// stored.
func (f *fleet) publish(stop <-chan struct{}, least int) (events int, want map[ledgerKey]bool) {
	f.t.Helper()
	want = map[ledgerKey]bool{}
	types := fleetEndpoints["ep_all"]
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	var futures []*producers.Future
	for stopped := false; !stopped || len(futures) < least; {
		select {
		case <-stop:
			stopped, stop = true, nil
		case <-pace.C:
		}
		for range 10 {
			n := len(futures)
			e := typedEvent(fmt.Sprintf("e%d", n), types[n%len(types)])
			future, err := f.pub.PublishAsync(f.t.Context(), e)
			if err != nil {
				f.t.Errorf("publish: %v", err)
				return events, want
			}
			futures = append(futures, future)
			for endpoint, wanted := range fleetEndpoints {
				for _, eventType := range wanted {
					if eventType == e.Type() {
						want[ledgerKey{endpoint, e.ID()}] = true
					}
				}
			}
		}
	}
	for _, future := range futures {
		_, err := future.Wait(f.t.Context())
		for err != nil { // published again until it is stored
			var failed *producers.PublishError
			if !errors.As(err, &failed) || f.t.Context().Err() != nil {
				f.t.Errorf("publish: %v", err)
				return events, want
			}
			_, err = f.pub.Publish(f.t.Context(), failed.Event)
		}
	}
	return len(futures), want
}

// drained waits until no event and no delivery is left to do.
func (f *fleet) drained() {
	f.t.Helper()
	deadline := time.Now().Add(waitLimit)
	for f.left() != 0 {
		if time.Now().After(deadline) {
			f.t.Fatalf("work is left after %s:\n%s", waitLimit, f.diagnosis())
		}
		<-time.After(50 * time.Millisecond)
	}
}

// left is how many events and deliveries are not done; -1 if that is not known
// at the moment.
func (f *fleet) left() int {
	left := 0
	for p := range fleetLayout.Partitions {
		c, err := f.js.Consumer(f.t.Context(), schemas.StreamEvents, schemas.FanoutConsumer(p))
		if err != nil {
			return -1
		}
		left += int(c.CachedInfo().NumPending) + c.CachedInfo().NumAckPending
	}
	for shard := range fleetLayout.Shards {
		n, err := f.messages(schemas.DeliveriesShard(shard))
		if err != nil {
			return -1
		}
		left += n
	}
	return left
}

func (f *fleet) messages(stream string) (int, error) {
	s, err := f.js.Stream(f.t.Context(), stream)
	if err != nil {
		return 0, err
	}
	return int(s.CachedInfo().State.Msgs), nil
}

// diagnosis is what JetStream knows of every stream and consumer.
func (f *fleet) diagnosis() string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var b strings.Builder
	streams := f.js.ListStreams(ctx)
	for s := range streams.Info() {
		fmt.Fprintf(&b, "%s: %d messages, %d to %d\n", s.Config.Name, s.State.Msgs, s.State.FirstSeq, s.State.LastSeq)
		stream, err := f.js.Stream(ctx, s.Config.Name)
		if err != nil {
			continue
		}
		for c := range stream.ListConsumers(ctx).Info() {
			if c.NumPending+uint64(c.NumAckPending) > 0 {
				fmt.Fprintf(&b, "  %s: %d pending, %d taken, %d given again, %d waiting for it\n",
					c.Name, c.NumPending, c.NumAckPending, c.NumRedelivered, c.NumWaiting)
			}
		}
	}
	if err := streams.Err(); err != nil {
		fmt.Fprintln(&b, err)
	}
	return b.String()
}

// deadLetters reads all of DEAD.
func (f *fleet) deadLetters() map[ledgerKey]schemas.Reason {
	f.t.Helper()
	s, err := f.js.Stream(f.t.Context(), schemas.StreamDead)
	if err != nil {
		f.t.Fatal(err)
	}
	letters := map[ledgerKey]schemas.Reason{}
	for i := range s.CachedInfo().State.Msgs {
		m, err := s.GetMsg(f.t.Context(), s.CachedInfo().State.FirstSeq+i)
		if err != nil {
			f.t.Fatal(err)
		}
		l, err := schemas.ReadDeadLetter(m.Subject, m.Header, m.Data)
		if err != nil {
			f.t.Fatal(err)
		}
		letters[ledgerKey{string(l.Endpoint), eventOf(l.Body)}] = l.Reason
	}
	return letters
}

// stop ends every role in peace.
func (f *fleet) stop() {
	f.t.Helper()
	for _, name := range []string{"fanout-1", "fanout-2", "dispatcher-1", "dispatcher-2", "api"} {
		if code := f.processes[name].terminate(); code != 0 {
			f.t.Errorf("%s exits %d on SIGTERM", name, code)
		}
	}
}

// freeAddress is an address of loopback that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // it listened to nothing
	return listener.Addr().String()
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
