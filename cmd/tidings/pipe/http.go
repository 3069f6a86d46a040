package pipe

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/api"
	"github.com/tidings-dev/tidings/config/console"
	"github.com/tidings-dev/tidings/config/telemetry"
)

func (p *Process) startHTTP(ctx context.Context) error {
	if p.settings.HTTPAddr == "" {
		return nil
	}
	listener, err := listen(ctx, "--http-addr", p.settings.HTTPAddr)
	if err != nil {
		return err
	}
	p.HTTPAddr = listener.Addr().String()
	mux := http.NewServeMux()
	health := api.NewHealth(p.checks)
	p.background(ctx, "health", health.Watch)
	if !p.settings.Has(config.RoleAPI) {
		mux.Handle("/", health)
	} else {
		v1, v0, err := p.Handlers(ctx)
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		mux.Handle("/", v1)
		mux.Handle("/v0/", v0)
		mux.Handle("/healthz", health)
		mux.Handle("/readyz", health)
		p.console(mux)
	}
	if metrics := p.measures.to.Metrics(); metrics != nil && p.settings.MetricsShared() {
		mux.Handle("GET /metrics", telemetry.Direct(metrics))
	}
	if p.consents != nil {
		mux.Handle(consentPath, p.consents.handler())
	}
	p.serve(ctx, "http", listener, mux)
	if p.desk != nil { // who waits for deliveries is not waited for
		p.onStop("polls", func() error { p.desk.Close(); return nil })
	}
	return nil
}

// console adds the web pages to what the API serves, which keeps all other paths.
func (p *Process) console(mux *http.ServeMux) {
	set := p.settings.Console
	if !set.On {
		return
	}
	pages := console.Handler(console.Options{
		Name: set.Name, Logo: set.Logo, Accent: set.Accent, FrameAncestors: strings.Join(strings.Fields(set.FrameAncestors), " "), Version: Version(),
	})
	for _, path := range console.Paths() {
		mux.Handle(path, pages)
	}
}

// serve answers requests until the process stops.
func (p *Process) serve(ctx context.Context, name string, listener net.Listener, handler http.Handler) {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
	}
	p.background(ctx, name, func(ctx context.Context) error {
		answered := make(chan struct{})
		context.AfterFunc(ctx, func() {
			defer close(answered)
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.settings.Grace)
			defer cancel()
			if server.Shutdown(ctx) != nil { // requests are still under way
				_ = server.Close()
			}
		})
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		<-answered
		return nil
	})
}

func (p *Process) checks() []api.Check {
	p.mu.Lock()
	ready := p.ready
	p.mu.Unlock()
	checks := make([]api.Check, len(ready))
	for i, check := range ready {
		checks[i] = check()
	}
	return checks
}

// check has /readyz ask for more.
func (p *Process) check(more func() api.Check) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready = append(p.ready, more)
}
