package pipe

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/api"
	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/dispatcher/load"
	"github.com/tidings-dev/tidings/schemas"
)

const (
	// yieldPause and maxYield are how long the delivery log waits for deliveries that
	// need the CPUs: a second more for each batch, so that it never falls behind for
	// good.
	yieldPause = 20 * time.Millisecond
	maxYield   = time.Second
	// lagEvery is how often it is looked how far behind it is.
	lagEvery = 15 * time.Second
)

// deliveryLog is the searchable delivery log, once it is open.
type deliveryLog struct {
	process *Process
	js      jetstream.JetStream
	store   atomic.Pointer[deliverylog.Store] // nil while it is not
	lag     atomic.Int64                      // set by watch: of the oldest record that is not in it, in ns
}

// startLog opens the log for the role api, and keeps it up to date. It may be away:
// deliveries go on, and it catches up.
func (p *Process) startLog(ctx context.Context) error {
	if !p.settings.Has(config.RoleAPI) {
		return nil
	}
	nc, err := p.Connection("log")
	if err != nil {
		return err
	}
	p.deliveries = &deliveryLog{process: p}
	if p.deliveries.js, err = jetstream.New(nc); err != nil {
		return err
	}
	if p.hooks.Unsearched {
		return nil
	}
	p.check(p.deliveries.check)
	p.background(ctx, "delivery log", func(ctx context.Context) error {
		p.again(ctx, "delivery log", p.deliveries.run)
		return nil
	})
	return nil
}

// logDatabase is where the log is kept. The folder of the default is made if need be:
// with a broker elsewhere nobody else does.
func (p *Process) logDatabase() (string, error) {
	if url := p.settings.LogDatabase; url != "" {
		return url, nil
	}
	return filepath.Join(p.settings.DataDir, "log.db"), os.MkdirAll(p.settings.DataDir, 0o700)
}

// run keeps the log until ctx ends, or it cannot be opened.
func (l *deliveryLog) run(ctx context.Context) error {
	url, err := l.process.logDatabase()
	if err != nil {
		return err
	}
	store, err := deliverylog.Open(ctx, url)
	if err != nil {
		return err
	}
	l.store.Store(store)
	defer store.Close() //nolint:errcheck // what was written is written
	defer l.store.Store(nil)
	var beside sync.WaitGroup
	defer beside.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var busy load.Load
	p := deliverylog.NewProjector(l.js, store, deliverylog.Options{Log: l.process.log, Yield: func(ctx context.Context) {
		for until := time.Now().Add(maxYield); busy.TooHigh(time.Now()) && time.Now().Before(until); {
			select {
			case <-time.After(yieldPause):
			case <-ctx.Done():
				return
			}
		}
	}})
	beside.Go(func() { l.watch(ctx, p) })
	return p.Run(ctx)
}

// watch sees how far behind the log is.
func (l *deliveryLog) watch(ctx context.Context, p *deliverylog.Projector) {
	for {
		if at, err := p.Progress(ctx); err == nil {
			l.lag.Store(int64(at.Lag))
		} else if ctx.Err() == nil {
			l.process.log.WarnContext(ctx, "ask how far behind the delivery log is", "error", err)
		}
		select {
		case <-time.After(lagEvery):
		case <-ctx.Done():
			return
		}
	}
}

func (l *deliveryLog) check() api.Check {
	c := api.Check{Name: "delivery log", Optional: true}
	if _, err := l.open(); err != nil {
		c.Problem = "it cannot be searched: see this process's log"
	}
	return c
}

// Searchable is the delivery log's database, and how the log itself is reached, once the
// process has opened it.
func (p *Process) Searchable() (js jetstream.JetStream, store *deliverylog.Store, ok bool) {
	if p.deliveries == nil {
		return nil, nil, false
	}
	store = p.deliveries.store.Load()
	return p.deliveries.js, store, store != nil
}

// open is the log, if it is open.
func (l *deliveryLog) open() (*deliverylog.Store, error) {
	if s := l.store.Load(); s != nil {
		return s, nil
	}
	return nil, schemas.Errorf(schemas.CodeUnavailable, "the delivery log cannot be searched now: try again later; deliveries go on")
}
