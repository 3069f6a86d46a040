package dispatcher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/metrics"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/dispatcher/attempt"
	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/dispatcher/failing"
	"github.com/tidings-dev/tidings/schemas"
)

func TestMain(m *testing.M) { streamstest.Main(m) }

const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// rig is a JetStream server with one partition, a scripted receiver, and as
// many owners of the partition as a test starts.
type rig struct {
	t        *testing.T
	env      *streamstest.Env
	js       jetstream.JetStream
	receiver *dispatchertest.Receiver
	targets  *attempt.Targets
	reports  chan Report
	notes    *notes
	made     uint64                           // deliveries
	waits    func() *metrics.Float64Histogram // what the owners' loads read: nothing, but a test may say
	passed   int                              // the owners' maxPassed, unless it is 0
	taken    int                              // and their maxTaken
	crowded  int                              // and their MaxRequests
	journal  schemas.Journal                  // the owners'

	mu       sync.Mutex // guards what follows
	known    map[schemas.EndpointID]schemas.Endpoint
	disabled []schemas.EndpointID
	why      []schemas.Reason // of those
	fetched  int              // calls of Fetch
	faults   int              // how often Fetch and Disable fail from now on
}

func newRig(t *testing.T) *rig {
	t.Helper()
	o := streamstest.Small()
	o.Layout.Partitions, o.Layout.Shards = 1, 1
	r := &rig{
		t: t, env: streamstest.Start(t, o), receiver: dispatchertest.New(t), targets: attempt.NewTargets(),
		reports: make(chan Report, 10000), known: map[schemas.EndpointID]schemas.Endpoint{},
		notes: &notes{kept: map[schemas.EndpointID]failing.Note{}},
		waits: func() *metrics.Float64Histogram { return nil },
	}
	var err error
	if r.js, err = jetstream.New(r.env.Connect()); err != nil {
		t.Fatal(err)
	}
	return r
}

// endpoint makes the dispatchers know an endpoint.
func (r *rig) endpoint(id schemas.EndpointID, p schemas.Policy) {
	e := testEndpoint(id)
	e.Policy = p
	r.targets.Apply(schemas.Change{Endpoint: &e})
}

func testEndpoint(id schemas.EndpointID) schemas.Endpoint {
	return schemas.Endpoint{ID: id, Tenant: "acme", URL: "http://receiver.test/" + string(id), Secrets: []schemas.Secret{schemas.NewSecret(testSecret)}}
}

// due makes n deliveries due, and returns their ids in order.
func (r *rig) due(id schemas.EndpointID, n int) []string {
	r.t.Helper()
	return r.dueOf(id, make([]string, n)...)
}

// dueOf makes a delivery of each key due; an empty one is none.
func (r *rig) dueOf(id schemas.EndpointID, keys ...string) []string {
	r.t.Helper()
	ids := make([]string, len(keys))
	for i, key := range keys {
		d := r.delivery(id, fmt.Sprint(i))
		if key != "" {
			d.Event = schemas.Header{"ce-partitionkey": {key}}
		}
		ids[i] = string(d.ID)
		if _, err := r.js.PublishMsgAsync(r.ready(d), jetstream.WithMsgID(d.MessageID())); err != nil {
			r.t.Fatal(err)
		}
	}
	<-r.js.PublishAsyncComplete()
	return ids
}

// delivery makes one that is stored nowhere.
func (r *rig) delivery(id schemas.EndpointID, data string) *schemas.Delivery {
	r.made++
	return &schemas.Delivery{ID: schemas.NewDeliveryID(time.Now(), r.made, id), Tenant: "acme", Endpoint: id, Data: []byte(data)}
}

// ready is a delivery as fanout stores it.
func (r *rig) ready(d *schemas.Delivery) *nats.Msg {
	return &nats.Msg{Subject: r.env.Layout.ReadySubject(d.Endpoint), Header: nats.Header(d.Header()), Data: d.Data}
}

// owner is a dispatcher at work on the partition.
type owner struct {
	nc     *nats.Conn
	p      *partition
	cancel context.CancelFunc
	done   chan error
}

// own starts an owner; the test ends it at the latest.
func (r *rig) own(grace time.Duration) *owner {
	r.t.Helper()
	return r.ownOn(r.env.Connect(), grace)
}

// ownOn starts an owner on a connection.
func (r *rig) ownOn(nc *nats.Conn, grace time.Duration) *owner {
	r.t.Helper()
	d, err := New(nc, Options{
		Layout: r.env.Layout, Targets: r.targets, Transport: r.receiver.Transport(r.t), Grace: grace,
		Fetch: r.fetch, Disable: r.disable, Agree: r.agree, Failing: r.notes, Announce: r.notes.announce,
		Observe: func(report Report) { r.reports <- report }, Journal: r.journal, Name: "owner",
		MaxRequests: r.crowded,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	d.load.Read = r.waits
	d.maxPassed, d.maxTaken = cmp.Or(r.passed, maxPassed), cmp.Or(r.taken, maxTaken)
	ctx, cancel := context.WithCancel(r.t.Context())
	o := &owner{nc: nc, cancel: cancel, done: make(chan error, 1)}
	if o.p, err = d.partition(ctx, 0); err != nil {
		r.t.Fatal(err)
	}
	go func() { o.done <- o.p.deliver(ctx) }()
	r.t.Cleanup(func() { _ = o.stop() })
	return o
}

func (o *owner) stop() error {
	o.cancel()
	err := <-o.done
	o.done <- nil // stop may be called twice
	return err
}

// kill cuts the connection, so that nothing the owner still says is heard.
func (o *owner) kill() {
	o.nc.Close()
	_ = o.stop()
}

// lanes are the endpoints that the owner has something to do for.
func (o *owner) lanes() []schemas.EndpointID {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	var ids []schemas.EndpointID
	for id := range o.p.lanes {
		ids = append(ids, id)
	}
	return ids
}

var errNotNow = errors.New("not now")

func (r *rig) fetch(_ context.Context, id schemas.EndpointID) (schemas.Endpoint, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fetched++
	if r.faults > 0 {
		r.faults--
		return schemas.Endpoint{}, errNotNow
	}
	e, ok := r.known[id]
	if !ok {
		return e, schemas.Errorf(schemas.CodeNotFound, "endpoint %s does not exist", id)
	}
	return e, nil
}

func (r *rig) agree(context.Context, schemas.Endpoint, schemas.Consent) error { return nil }

func (r *rig) disable(_ context.Context, id schemas.EndpointID, why schemas.Reason) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.faults > 0 {
		r.faults--
		return errNotNow
	}
	r.disabled, r.why = append(r.disabled, id), append(r.why, why)
	return nil
}

// ends waits for the n next verdicts that end a delivery.
func (r *rig) ends(n int) []Report {
	r.t.Helper()
	var ends []Report
	for len(ends) < n {
		if report := <-r.reports; report.Outcome.Kind != schemas.Retry {
			ends = append(ends, report)
		}
	}
	return ends
}

// requests are the webhook-ids that an endpoint saw, in order.
func (r *rig) requests(id schemas.EndpointID) []string {
	var ids []string
	for _, q := range r.receiver.Requests() {
		if q.Path == "/"+string(id) {
			ids = append(ids, q.ID)
		}
	}
	return ids
}

// subjects counts the messages of the delivery stream by subject.
func (r *rig) subjects() map[string]uint64 {
	r.t.Helper()
	s, err := r.js.Stream(r.t.Context(), r.env.Layout.DeliveriesStream(0))
	if err != nil {
		r.t.Fatal(err)
	}
	info, err := s.Info(r.t.Context(), jetstream.WithSubjectFilter(">"))
	if err != nil {
		r.t.Fatal(err)
	}
	return info.State.Subjects
}

func (r *rig) held(id schemas.EndpointID) uint64 { return r.subjects()[r.env.Layout.HeldSubject(id)] }

// clean wants nothing left to do: no delivery stored, and no lane of the owner.
func (r *rig) clean(o *owner) {
	r.t.Helper()
	<-time.After(time.Second)
	synctest.Wait()
	if left := r.subjects(); len(left) > 0 {
		r.t.Errorf("the stream still holds %v", left)
	}
	if lanes := o.lanes(); len(lanes) > 0 {
		r.t.Errorf("lanes %v are still there", lanes)
	}
	if c := o.p.d.crowd; c.running.Load() != 0 || c.lanes.Load() != 0 {
		r.t.Errorf("%d attempts of %d endpoints are counted, and there are none", c.running.Load(), c.lanes.Load())
	}
}

// deadLetters reads all of DEAD.
func (r *rig) deadLetters() []*schemas.DeadLetter {
	r.t.Helper()
	s, err := r.js.Stream(r.t.Context(), schemas.StreamDead)
	if err != nil {
		r.t.Fatal(err)
	}
	var letters []*schemas.DeadLetter
	for i := range s.CachedInfo().State.Msgs {
		m, err := s.GetMsg(r.t.Context(), s.CachedInfo().State.FirstSeq+i)
		if err != nil {
			r.t.Fatal(err)
		}
		l, err := schemas.ReadDeadLetter(m.Subject, m.Header, m.Data)
		if err != nil {
			r.t.Fatal(err)
		}
		letters = append(letters, l)
	}
	return letters
}

// sameSet wants the ids, each once, in any order.
func sameSet(t *testing.T, got, want []string) {
	t.Helper()
	got, want = slices.Clone(got), slices.Clone(want)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d ids (%d distinct), want %d", len(got), len(slices.Compact(got)), len(want))
	}
}
