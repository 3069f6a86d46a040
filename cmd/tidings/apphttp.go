package main

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

func (a *app) startHTTP(ctx context.Context) error {
	if a.settings.HTTPAddr == "" {
		return nil
	}
	listener, err := listen(ctx, "--http-addr", a.settings.HTTPAddr)
	if err != nil {
		return err
	}
	a.httpAddr = listener.Addr().String()
	mux := http.NewServeMux()
	health := api.NewHealth(a.checks)
	a.background(ctx, "health", health.Watch)
	if !a.settings.Has(config.RoleAPI) {
		mux.Handle("/", health)
	} else {
		v1, v0, err := a.apiHandlers(ctx)
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		mux.Handle("/", v1)
		mux.Handle("/v0/", v0)
		mux.Handle("/healthz", health)
		mux.Handle("/readyz", health)
		a.console(mux)
	}
	if metrics := a.measures.to.Metrics(); metrics != nil && a.settings.MetricsShared() {
		mux.Handle("GET /metrics", telemetry.Direct(metrics))
	}
	if a.consents != nil {
		mux.Handle(consentPath, a.consents.handler())
	}
	a.serve(ctx, "http", listener, mux)
	if a.desk != nil { // who waits for deliveries is not waited for
		a.onStop("polls", func() error { a.desk.Close(); return nil })
	}
	return nil
}

// console adds the web pages to what the API serves, which keeps all other paths.
func (a *app) console(mux *http.ServeMux) {
	set := a.settings.Console
	if !set.On {
		return
	}
	pages := console.Handler(console.Options{
		Name: set.Name, Logo: set.Logo, Accent: set.Accent, FrameAncestors: strings.Join(strings.Fields(set.FrameAncestors), " "), Version: version(),
	})
	for _, path := range console.Paths() {
		mux.Handle(path, pages)
	}
}

// serve answers requests until the app stops.
func (a *app) serve(ctx context.Context, name string, listener net.Listener, handler http.Handler) {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
	}
	a.background(ctx, name, func(ctx context.Context) error {
		answered := make(chan struct{})
		context.AfterFunc(ctx, func() {
			defer close(answered)
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.settings.Grace)
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

func (a *app) checks() []api.Check {
	a.mu.Lock()
	ready := a.ready
	a.mu.Unlock()
	checks := make([]api.Check, len(ready))
	for i, check := range ready {
		checks[i] = check()
	}
	return checks
}

// check has /readyz ask for more.
func (a *app) check(more func() api.Check) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ready = append(a.ready, more)
}
