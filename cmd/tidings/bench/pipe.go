package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"golang.org/x/sync/errgroup"

	"github.com/tidings-dev/tidings/cmd/tidings/pipe"
	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/schemas"
)

const (
	benchTenant = schemas.TenantID("bench")
	benchBody   = 1 << 10
)

// benchData is 1 KiB of JSON.
func benchData() []byte {
	return []byte(`{"text":"` + strings.Repeat("x", benchBody-len(`{"text":""}`)) + `"}`)
}

// benchPipe is a pipe in a temporary folder of its own, which it keeps when it
// is started again, and a producer.
type benchPipe struct {
	process *pipe.Process
	pub     *producers.Publisher
	dir     string
	log     *os.File
	data    []byte
	sent    atomic.Int64 // events ever published: each has an id of its own
	with    pipe.Hooks

	roles []config.Role
}

// newBenchPipe starts an empty pipe. The caller stops it, unless there is an
// error.
func newBenchPipe(ctx context.Context) (*benchPipe, error) {
	return newBenchPipeWith(ctx, pipe.Hooks{})
}

func newBenchPipeWith(ctx context.Context, with pipe.Hooks) (*benchPipe, error) {
	return newBenchPipeOf(ctx, with, "all")
}

// newBenchPipeOf starts one that has only some of the roles.
func newBenchPipeOf(ctx context.Context, with pipe.Hooks, roles ...config.Role) (*benchPipe, error) {
	dir, err := os.MkdirTemp("", "tidings-bench-")
	if err != nil {
		return nil, err
	}
	p := &benchPipe{dir: dir, data: benchData(), with: with, roles: roles}
	if p.log, err = os.Create(filepath.Join(dir, "log")); err == nil {
		err = p.start(ctx)
	}
	if err == nil {
		err = p.process.Registry.PutTenant(ctx, schemas.Tenant{ID: benchTenant})
	}
	if err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

// start runs the pipe as tidings run does by default: it listens for other
// processes, and logs; warnings are shown, too.
func (p *benchPipe) start(ctx context.Context) (err error) {
	settings := config.Settings{
		DataDir: p.dir, Grace: time.Second, Egress: config.Egress{Allow: []string{"127.0.0.0/8"}},
		NATS: config.NATS{Listen: "127.0.0.1:0"},
	}
	for _, r := range p.roles {
		settings.Roles = append(settings.Roles, string(r))
	}
	handler := func(out io.Writer, level slog.Level) slog.Handler {
		return slog.NewTextHandler(out, &slog.HandlerOptions{Level: level})
	}
	log := slog.New(slog.NewMultiHandler(handler(p.log, slog.LevelInfo), handler(os.Stderr, slog.LevelWarn)))
	if p.process, err = pipe.Start(ctx, settings, log, p.with); err != nil {
		return err
	}
	nc, err := p.process.Connection("producer")
	if err != nil {
		return err
	}
	p.pub, err = producers.New(nc, producers.Options{Tenant: benchTenant, Source: "/bench", Tracers: p.process.Tracers})
	return err
}

// restart stops the pipe and starts it on what it has stored. It returns how
// long the start took.
func (p *benchPipe) restart(ctx context.Context) (time.Duration, error) {
	if err := p.process.Stop(); err != nil {
		return 0, err
	}
	began := time.Now()
	err := p.start(ctx)
	return time.Since(began), err
}

// stop ends the pipe and removes what it has stored.
func (p *benchPipe) stop() error {
	var err error
	if p.process != nil {
		err = p.process.Stop()
	}
	return errors.Join(err, p.log.Close(), os.RemoveAll(p.dir))
}

// publish sends one event of type number n, with a time, and does not wait
// until it is stored.
func (p *benchPipe) publish(ctx context.Context, n int, at time.Time) error {
	_, err := p.pub.PublishAsync(ctx, benchEvent(p.sent.Add(1), benchType(n), at, p.data))
	return err
}

func benchType(n int) string { return fmt.Sprintf("bench.t%d", n) }

func benchEvent(id int64, eventType string, at time.Time, data []byte) schemas.Event {
	e := event.New()
	e.SetID(fmt.Sprintf("e%d", id))
	e.SetType(eventType)
	e.SetTime(at)
	_ = e.SetData(event.ApplicationJSON, data) // bytes: cannot fail
	return e
}

// benchEndpoint is the endpoint number n, subscribed to one type of event.
type benchEndpoint struct {
	n         int
	eventType int
	url       string
	policy    schemas.Policy
	paused    bool
}

func benchEndpointID(n int) schemas.EndpointID {
	return schemas.EndpointID(fmt.Sprintf("ep_bench%d", n))
}

// registering is how many endpoints are written at once.
const registering = 16

// register makes endpoints, and returns once all of the pipe knows them. Done,
// if not nil, is told of each.
func (p *benchPipe) register(ctx context.Context, endpoints []benchEndpoint, done func()) error {
	group, each := errgroup.WithContext(ctx)
	group.SetLimit(registering)
	for _, e := range endpoints {
		group.Go(func() error {
			err := p.put(each, e)
			if err == nil && done != nil {
				done()
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return p.process.Barrier.CaughtUp(ctx)
}

func (p *benchPipe) put(ctx context.Context, e benchEndpoint) error {
	id := benchEndpointID(e.n)
	err := p.process.Registry.PutEndpoint(ctx, schemas.Endpoint{
		ID: id, Tenant: benchTenant, URL: e.url, Policy: e.policy, Paused: e.paused,
		Secrets: []schemas.Secret{schemas.NewSecret(signing.NewSecret())},
	})
	if err != nil {
		return err
	}
	return p.process.Registry.PutSubscription(ctx, schemas.Subscription{
		ID: schemas.SubscriptionID(fmt.Sprintf("sub_bench%d", e.n)), Tenant: benchTenant, Endpoint: id,
		Types: []schemas.TypePattern{schemas.TypePattern(benchType(e.eventType))},
	})
}

// pause stops deliveries to endpoints, or resumes them, and returns once all
// of the pipe knows.
func (p *benchPipe) pause(ctx context.Context, paused bool, numbers ...int) error {
	group, each := errgroup.WithContext(ctx)
	group.SetLimit(registering)
	for _, n := range numbers {
		group.Go(func() error {
			_, err := p.process.Registry.UpdateEndpoint(each, benchTenant, benchEndpointID(n), registry.AnyVersion, func(e *schemas.Endpoint) error {
				e.Paused = paused
				return nil
			})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return p.process.Barrier.CaughtUp(ctx)
}
