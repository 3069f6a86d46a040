package pipe

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/lag"
	"github.com/tidings-dev/tidings/config/telemetry"
	"github.com/tidings-dev/tidings/config/telemetry/sampling"
	"github.com/tidings-dev/tidings/dispatcher"
	"github.com/tidings-dev/tidings/dispatcher/egress"
	"github.com/tidings-dev/tidings/dispatcher/flow"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/tracing"
)

// measures are what the process tells telemetry. Start fills its fields as the parts come;
// [Process.startMetrics], the last step, has telemetry read them.
type measures struct {
	to         *telemetry.Telemetry
	connected  map[string]func() bool // by name of the connection
	lags       map[config.Role]*lag.Poller
	storage    *lag.Storage                // nil without the role api
	fleet      *lag.Fleet                  // likewise
	pulled     *atomic.Pointer[lag.Pulled] // to nil without the role api; polls may come before it is there
	dispatcher *dispatcher.Dispatcher      // nil without its role
	owned      *owned
}

func newMeasures(to *telemetry.Telemetry) measures {
	if to == nil {
		to = telemetry.None()
	}
	return measures{
		to: to, connected: map[string]func() bool{}, lags: map[config.Role]*lag.Poller{},
		owned: &owned{of: map[config.Role]map[int]int{}}, pulled: &atomic.Pointer[lag.Pulled]{},
	}
}

func (m *measures) recorder() *telemetry.Recorder { return m.to.Recorder() }

// settled tells of an attempt, or of a delivery's death without one.
func (m *measures) settled(r dispatcher.Report) {
	if !m.to.Measuring() {
		return
	}
	d := r.Delivery
	s := telemetry.Settled{
		Tenant: d.Tenant, Accepted: d.Accepted(), Attempt: r.Attempt, Kind: r.Outcome.Kind, Reason: r.Outcome.Reason,
		Late: d.Late || d.Replay != nil,
	}
	if r.Exchange != nil {
		s.Timings = r.Exchange.Timings
	} else {
		s.Pulled = r.Attempt.Number > 0 // what is sent has an exchange
	}
	if s.Span = r.Span; !s.Span.IsSampled() {
		s.Span = tracing.OfCreation(d)
	}
	m.recorder().Settled(&s)
}

// journal is next, which also counts.
func (m *measures) journal(next schemas.Journal) schemas.Journal {
	if !m.to.Measuring() {
		return next
	}
	return m.recorder().Journal(next)
}

// guarded is next, of which the refusals of the egress guard are counted.
func (m *measures) guarded(next http.RoundTripper) http.RoundTripper {
	if !m.to.Measuring() {
		return next
	}
	return guarded{next, m.recorder().Refused}
}

type guarded struct {
	next    http.RoundTripper
	refused func(reason string)
}

// RoundTrip is [http.RoundTripper.RoundTrip].
func (g guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := g.next.RoundTrip(r)
	if err != nil {
		if denied, ok := errors.AsType[*egress.Denied](err); ok {
			g.refused(denied.Reason)
		}
	}
	return answer, err
}

// owned are the partitions that this process works on, by role. While one is handed
// over, it may be begun again before it has ended.
type owned struct {
	mu sync.Mutex // guards of
	of map[config.Role]map[int]int
}

// owns counts a partition, until it is left.
func (m *measures) owns(role config.Role, partition int) (leave func()) {
	return m.owned.add(role, partition)
}

func (o *owned) add(role config.Role, partition int) (leave func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.of[role] == nil {
		o.of[role] = map[int]int{}
	}
	o.of[role][partition]++
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.of[role][partition]--; o.of[role][partition] == 0 {
			delete(o.of[role], partition)
		}
	}
}

func (o *owned) partitions(role config.Role) []int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Sorted(maps.Keys(o.of[role]))
}

// startLag looks how far behind the partitions of a stage are.
func (p *Process) startLag(ctx context.Context, nc *nats.Conn, role config.Role) error {
	if !p.measures.to.Measuring() {
		return nil
	}
	poller, err := lag.New(lag.Options{
		NC: nc, Layout: p.Streams.Layout, Deliveries: role == config.RoleDispatcher,
		Owned: func() []int { return p.measures.owned.partitions(role) }, Log: p.log,
	})
	if err != nil {
		return err
	}
	p.measures.lags[role] = poller
	p.background(ctx, "lag of "+string(role), poller.Run)
	return nil
}

// startStorageLook looks what is stored, what nobody has taken up, and what waits to be
// pulled, which only the role api may.
func (p *Process) startStorageLook(ctx context.Context) error {
	if !p.settings.Has(config.RoleAPI) {
		return nil
	}
	nc, err := p.Connection("metrics")
	if err != nil {
		return err
	}
	if p.measures.storage, err = lag.NewStorage(nc, p.Streams.Layout, p.log); err != nil {
		return err
	}
	p.background(ctx, "storage look", p.measures.storage.Run)
	if p.measures.fleet, err = lag.NewFleet(nc, p.Streams.Layout, p.log); err != nil {
		return err
	}
	p.background(ctx, "backlog of the fleet", p.measures.fleet.Run)
	pulled, err := lag.NewPulled(nc, p.log)
	if err != nil {
		return err
	}
	p.measures.pulled.Store(pulled)
	p.background(ctx, "age of what waits to be pulled", pulled.Run)
	return nil
}

// startMetrics has telemetry read what there is now, and serves it where it has an
// address of its own.
func (p *Process) startMetrics(ctx context.Context) error {
	if !p.measures.to.Measuring() {
		return nil
	}
	if err := p.startStorageLook(ctx); err != nil {
		return err
	}
	if err := p.watchAll(); err != nil {
		return err
	}
	addr, handler := p.settings.MetricsAddr(), p.measures.to.Metrics()
	if addr == "" || handler == nil {
		return nil
	}
	listener, err := listen(ctx, "--metrics-addr", addr)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", handler)
	p.serve(ctx, "metrics", listener, mux)
	p.log.InfoContext(ctx, "metrics served", "addr", listener.Addr().String())
	return nil
}

// watchAll has telemetry watch the parts that run.
func (p *Process) watchAll() error {
	m := &p.measures
	watched := map[string]func(telemetry.Observe){
		telemetry.Partitions:      func(o telemetry.Observe) { o(float64(p.Streams.Layout.Partitions)) },
		telemetry.PartitionsOwned: p.watchOwned,
		telemetry.BrokerConnected: m.watchConnections,
		telemetry.LogWritten:      func(o telemetry.Observe) { o(float64(p.journal.Written())) },
		telemetry.LogDropped:      func(o telemetry.Observe) { o(float64(p.journal.Dropped())) },
		telemetry.LogWaiting:      func(o telemetry.Observe) { o(float64(p.journal.Waiting())) },
		telemetry.LookAge:         m.watchLooks,
		telemetry.ConsumerPending: m.watchLanes(func(l lag.Lane) float64 { return float64(l.Pending) }),
		telemetry.ConsumerUnacked: m.watchLanes(func(l lag.Lane) float64 { return float64(l.Unacked) }),
		telemetry.ConsumerOldest:  m.watchLanes(func(l lag.Lane) float64 { return secondsSince(l.Oldest) }),
	}
	if p.embedded != nil {
		watched[telemetry.DiskFree] = func(o telemetry.Observe) { o(float64(p.embedded.Room().Free)) }
		watched[telemetry.DiskSize] = func(o telemetry.Observe) { o(float64(p.embedded.Room().Total)) }
	}
	if p.picture != nil {
		watched[telemetry.RegistryObjects] = func(o telemetry.Observe) {
			for kind, n := range p.picture.Sizes() {
				o(float64(n), kind)
			}
		}
	}
	if p.deliveries != nil {
		watched[telemetry.LogLag] = func(o telemetry.Observe) { o(time.Duration(p.deliveries.lag.Load()).Seconds()) }
	}
	if m.storage != nil {
		maps.Copy(watched, m.watchStorage())
		watched[telemetry.FleetBacklog] = m.watchFleet(func(s lag.Standing) float64 { return float64(s.Backlog) })
		watched[telemetry.FleetOldest] = m.watchFleet(func(s lag.Standing) float64 { return secondsSince(s.Oldest) })
	}
	if m.dispatcher != nil {
		maps.Copy(watched, m.watchDispatcher())
	}
	for name, read := range watched {
		if err := m.to.Watch(name, read); err != nil {
			return err
		}
	}
	if p := m.pulled.Load(); p != nil {
		if err := m.to.WatchPulled(func() []telemetry.Backlog { return backlogs(p.Picture()) }); err != nil {
			return err
		}
	}
	if p := m.lags[config.RoleDispatcher]; p != nil {
		return m.to.WatchBacklogs(func() []telemetry.Backlog { return backlogs(p.Picture()) })
	}
	return nil
}

func (p *Process) watchOwned(o telemetry.Observe) {
	for _, role := range []config.Role{config.RoleFanout, config.RoleDispatcher} {
		if p.settings.Has(role) {
			o(float64(len(p.measures.owned.partitions(role))), string(role))
		}
	}
}

func (m *measures) watchConnections(o telemetry.Observe) {
	for name, is := range m.connected {
		value := 0.0
		if is() {
			value = 1
		}
		o(value, name)
	}
}

func (m *measures) watchLooks(o telemetry.Observe) {
	if p := m.pulled.Load(); p != nil {
		if at := p.Picture().At; !at.IsZero() {
			o(secondsSince(at), string(config.RoleAPI))
		}
	}
	for role, p := range m.lags {
		if at := p.Picture().At; !at.IsZero() {
			o(secondsSince(at), string(role))
		}
	}
}

// watchLanes reads something of each partition.
func (m *measures) watchLanes(of func(lag.Lane) float64) func(telemetry.Observe) {
	return func(o telemetry.Observe) {
		for role, p := range m.lags {
			for _, l := range p.Picture().Lanes {
				o(of(l), string(role), strconv.Itoa(l.Partition))
			}
		}
	}
}

func (m *measures) watchStorage() map[string]func(telemetry.Observe) {
	return map[string]func(telemetry.Observe){
		telemetry.BrokerStorageUsed: func(o telemetry.Observe) {
			if s := m.storage.Stored(); !s.At.IsZero() {
				o(float64(s.Used))
			}
		},
		telemetry.BrokerStorageMax: func(o telemetry.Observe) {
			if s := m.storage.Stored(); s.Limit > 0 {
				o(float64(s.Limit))
			}
		},
		telemetry.StreamMessages: func(o telemetry.Observe) {
			for name, state := range m.storage.Stored().Streams {
				o(float64(state.Msgs), name)
			}
		},
		telemetry.StreamBytes: func(o telemetry.Observe) {
			for name, state := range m.storage.Stored().Streams {
				o(float64(state.Bytes), name)
			}
		},
	}
}

// watchFleet reads something of each stage.
func (m *measures) watchFleet(of func(lag.Standing) float64) func(telemetry.Observe) {
	return func(o telemetry.Observe) {
		fanout, dispatcher := m.fleet.Standing()
		for role, s := range map[config.Role]lag.Standing{config.RoleFanout: fanout, config.RoleDispatcher: dispatcher} {
			if !s.At.IsZero() {
				o(of(s), string(role))
			}
		}
	}
}

func (m *measures) watchDispatcher() map[string]func(telemetry.Observe) {
	return map[string]func(telemetry.Observe){
		telemetry.InFlight:      func(o telemetry.Observe) { o(float64(m.dispatcher.State().Attempts)) },
		telemetry.Waiting:       func(o telemetry.Observe) { o(float64(m.dispatcher.State().Waiting)) },
		telemetry.HeldEndpoints: func(o telemetry.Observe) { o(float64(m.dispatcher.State().Held)) },
		telemetry.Breakers: func(o telemetry.Observe) {
			states := m.dispatcher.State().Breakers
			for _, state := range telemetry.BreakerStates() {
				o(float64(states[flow.State(state)]), state)
			}
		},
	}
}

func backlogs(p lag.Picture) []telemetry.Backlog {
	all := make([]telemetry.Backlog, len(p.Endpoints))
	for i, e := range p.Endpoints {
		all[i] = telemetry.Backlog{Endpoint: e.ID, Tenant: e.Tenant, Held: e.Held, Oldest: e.Oldest}
	}
	return all
}

// secondsSince is 0 of the zero time.
func secondsSince(at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return max(0, time.Since(at).Seconds())
}

// StartTelemetry starts what the environment and the settings ask for, and the log.
func StartTelemetry(ctx context.Context, process string, s *config.Settings) (*slog.Logger, *telemetry.Telemetry, error) {
	written, err := logHandler(s.Log)
	if err != nil {
		return nil, nil, err
	}
	told, err := telemetry.Setup(ctx, telemetry.Options{
		Process: process, Version: Version(), Scraped: s.MetricsShared() || s.MetricsAddr() != "",
		Tenants: s.Metrics.Tenants, Endpoints: s.Metrics.Endpoints, Trust: sampling.Trust(s.TraceTrust), Log: slog.New(newFewRepeats(written)),
	})
	if err != nil {
		return nil, nil, err
	}
	return slog.New(newFewRepeats(told.Handler(written))), told, nil
}

// EndTelemetry exports what is left.
func EndTelemetry(ctx context.Context, t *telemetry.Telemetry, log *slog.Logger) {
	if err := t.Shutdown(ctx); err != nil {
		log.WarnContext(ctx, "telemetry not all exported", "error", err)
	}
}
