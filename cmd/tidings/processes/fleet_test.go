package processes

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/schemas"
)

// fleetLayout starts fast, and has more partitions than there are processes.
var fleetLayout = schemas.Layout{Partitions: 8, Shards: 2}

// planned is an endpoint of a fleet: the types of the events that it gets, and
// its policy as tidings.yaml has it.
type planned struct {
	types  []string
	policy string
}

// fleetTypes are the types of the events of a fleet.
var fleetTypes = []string{"order.created", "order.removed", "stock.created", "stock.removed", "paper.updated"}

const fleetPolicy = "{retry: [200ms, 500ms, 1s, 1s, 2s, 2s, 3s, 5s]}"

// fleetEndpoints are the endpoints of a fleet that plans no others.
var fleetEndpoints = map[string]planned{
	"ep_all":     {fleetTypes, fleetPolicy},
	"ep_users":   {[]string{"order.created", "order.removed"}, fleetPolicy},
	"ep_rooms":   {[]string{"stock.created", "stock.removed"}, fleetPolicy},
	"ep_created": {[]string{"order.created", "stock.created"}, fleetPolicy},
	"ep_removed": {[]string{"order.removed", "stock.removed"}, fleetPolicy},
	"ep_files":   {[]string{"paper.updated"}, fleetPolicy},
	"ep_mixed":   {[]string{"paper.updated", "order.created"}, fleetPolicy},
	"ep_strict":  {[]string{"stock.removed", "paper.updated"}, "{retry: [100ms]}"}, // gives up soon
}

// fleet is the pipe as an operator runs it: a NATS server and the roles, each a
// process of its own.
type fleet struct {
	t         *testing.T
	plan      map[string]planned // its endpoints
	pace      time.Duration      // publish publishes ten events in this time
	processes map[string]*process
	receiver  *receiver
	nc        *nats.Conn
	js        jetstream.JetStream
	pub       *producers.Publisher
}

// startFleet runs a NATS server, one api, two fanouts and two dispatchers.
func startFleet(t *testing.T, answer func(request) int) *fleet {
	t.Helper()
	built, dir := build(t, "tidings", "nats-server"), t.TempDir()
	f := newFleet(t, fleetEndpoints, answer)
	url := f.server(built, dir)
	f.restart("nats")
	for _, role := range []struct {
		name  string
		flags []string
	}{
		{"api", []string{"--roles", "api", "--config", f.file(dir)}},
		{"fanout-1", []string{"--roles", "fanout"}},
		{"fanout-2", []string{"--roles", "fanout"}},
		{"dispatcher-1", []string{"--roles", "dispatcher"}},
		{"dispatcher-2", []string{"--roles", "dispatcher"}},
	} {
		f.add(role.name, built, append(role.flags, "--nats-url", url)...).running()
	}
	f.connect(url)
	return f
}

// newFleet is a fleet without processes.
func newFleet(t *testing.T, plan map[string]planned, answer func(request) int) *fleet {
	t.Helper()
	return &fleet{t: t, plan: plan, pace: 20 * time.Millisecond, processes: map[string]*process{}, receiver: startReceiver(t, answer)}
}

// server makes the NATS server, which keeps its files in dir and does not run yet.
func (f *fleet) server(built programs, dir string) (url string) {
	f.t.Helper()
	address, conf := freeAddress(f.t), filepath.Join(dir, "nats.conf")
	writeFile(f.t, conf, fmt.Sprintf("listen: %q\nmax_payload: 2MB\njetstream { store_dir: %q }\n", address, dir))
	f.processes["nats"] = newProcess(f.t, "nats", built["nats-server"], "-c", conf)
	return "nats://" + address
}

// add makes a process, which does not run yet, of tidings run with these flags.
func (f *fleet) add(name string, built programs, flags ...string) *process {
	f.processes[name] = newProcess(f.t, name, append([]string{
		built["tidings"], "run", "--data-dir", filepath.Join(f.t.TempDir(), "data"), "--http-addr", "127.0.0.1:0", "--egress-allow", "127.0.0.0/8",
		"--partitions", fmt.Sprint(fleetLayout.Partitions), "--shards", fmt.Sprint(fleetLayout.Shards), "--grace", "5s",
	}, flags...)...)
	return f.processes[name]
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

// file writes the fleet's tidings.yaml into dir.
func (f *fleet) file(dir string) (path string) {
	f.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "tenants:\n  - id: %s\n    endpoints:\n", testTenant)
	for id, e := range f.plan {
		place := fmt.Sprintf("url: http://%s/%s", f.receiver.addr, id)
		if isPulled(id) {
			place = "pull: true"
		}
		fmt.Fprintf(&b, "      - id: %s\n        %s\n        secrets: [{value: %s}]\n        policy: %s\n        subscribe: [%s]\n",
			id, place, testSecret, e.policy, strings.Join(e.types, ", "))
	}
	path = filepath.Join(dir, "tidings.yaml")
	writeFile(f.t, path, b.String())
	return path
}

// publish publishes events until stop is closed, and then until there are
// least. It returns the deliveries that they ask for, once every event is
// stored.
func (f *fleet) publish(stop <-chan struct{}, least int) (events int, want map[ledgerKey]bool) {
	f.t.Helper()
	want = map[ledgerKey]bool{}
	pace := time.NewTicker(f.pace)
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
			e := typedEvent(fmt.Sprintf("e%d", n), fleetTypes[n%len(fleetTypes)])
			future, err := f.pub.PublishAsync(f.t.Context(), e)
			if err != nil {
				f.t.Errorf("publish: %v", err)
				return events, want
			}
			futures = append(futures, future)
			for endpoint, p := range f.plan {
				if slices.Contains(p.types, e.Type()) {
					want[ledgerKey{endpoint, e.ID()}] = true
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

// drainLimit is when a test gives up waiting for deliveries. An endpoint whose
// breaker opened is left alone longer with each probe that fails, and some fail a
// quarter of their requests: five in a row, one time in a thousand, take 6 minutes.
const drainLimit = 10 * time.Minute

// drained waits until no event and no delivery is left to do.
func (f *fleet) drained() {
	f.t.Helper()
	deadline := time.Now().Add(drainLimit)
	for f.left() != 0 {
		if time.Now().After(deadline) {
			f.t.Fatalf("work is left after %s:\n%s", drainLimit, f.diagnosis())
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
	names := []string{schemas.StreamPull}
	for shard := range fleetLayout.Shards {
		names = append(names, schemas.DeliveriesShard(shard))
	}
	for _, name := range names {
		n, err := f.messages(name)
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
	if f.t.Failed() {
		return // they are to tell what they are doing
	}
	for name := range f.processes {
		if name != "nats" {
			f.leave(name)
		}
	}
}

// leave ends a role in peace.
func (f *fleet) leave(name string) {
	f.t.Helper()
	if code := f.processes[name].terminate(); code != 0 {
		f.t.Errorf("%s exits %d on SIGTERM", name, code)
	}
}

// port counts those that freeAddress has tried, from firstPort on.
var port, firstPort = new(atomic.Int64), 10_000 + rand.IntN(10_000)

// freeAddress is an address of loopback that nobody listens on, another one each
// time. Its port is below those that systems give to connections that go out: so
// it stays free while who is to listen there is dead.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		next := firstPort + int(port.Add(1))
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(next)))
		if err == nil {
			_ = listener.Close() // it listened to nothing
			return listener.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
