package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/api"
	"github.com/tidings-dev/tidings/config/audit"
	"github.com/tidings-dev/tidings/config/broker"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/registry/picture"
	"github.com/tidings-dev/tidings/dispatcher/attempt"
	"github.com/tidings-dev/tidings/fanout"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// The secrets of the pipe's own.
const (
	keysSecret    = "keys" // proves that a process's keys are the pipe's
	consentSecret = "consent"
)

// startRegistry applies the static file, and follows the registry from then on.
func (a *app) startRegistry(ctx context.Context) error {
	return broker.Allowed(ctx, a.nc, a.fillRegistry)
}

func (a *app) fillRegistry(ctx context.Context) error {
	var err error
	if a.audit, err = audit.New(a.nc); err != nil {
		return err
	}
	a.registry = registry.New(a.streams.Registry, a.keys)
	if err := a.wholeRegistry(ctx); err != nil {
		return err
	}
	a.check(func() api.Check {
		c := api.Check{Name: "registry"}
		if err := a.registry.Whole(); err != nil {
			c.Problem = err.Error()
		}
		return c
	})
	if a.keys != nil { // keys of another pipe would open nothing, and seal what others cannot open
		if _, err := a.secret(ctx, keysSecret); err != nil {
			return err
		}
		if a.maker() { // another process may need it that may not make it
			if _, err := a.secret(ctx, consentSecret); err != nil {
				return err
			}
		}
	}
	if a.settings.ConfigFile != "" {
		if err := a.declare(ctx, a.declared); err != nil {
			return err
		}
	}
	a.index, a.histories, a.targets, a.types = fanout.NewIndex(), fanout.NewHistories(), attempt.NewTargets(), catalogue.New()
	a.types.Refused = func(err error) { a.log.Error("event type left out", "error", err) }   //nolint:sloglint // no context comes with it
	a.index.Refused = func(err error) { a.log.Error("subscription left out", "error", err) } //nolint:sloglint // no context comes with it
	pictures := []func(schemas.Change){a.types.Apply, a.index.Apply, a.histories.Apply, a.targets.Apply}
	if a.settings.Has(config.RoleAPI) {
		a.picture = picture.New()
		pictures = append(pictures, a.picture.Apply)
	}
	// The watch outlives its start, and what may end that.
	watching, end := context.WithCancel(context.WithoutCancel(ctx))
	begun := context.AfterFunc(ctx, end)
	w, err := a.registry.Watch(watching, a.log, pictures...)
	if begun(); err != nil {
		return err
	}
	a.barrier = picture.NewBarrier(w, a.registry)
	a.background(ctx, "registry", w.Run)
	if a.settings.Has(config.RoleAPI) && w.Aged() {
		a.background(ctx, "sealing", a.reseal)
	}
	return nil
}

// wholeRegistry waits until no restore goes on: until somebody repeats one that was
// interrupted there is nothing to start on.
func (a *app) wholeRegistry(ctx context.Context) error {
	for said := false; ; said = true {
		var unfinished *registry.Restoring
		err := a.await(ctx, func() (err error) {
			unfinished, err = a.registry.Unfinished(ctx)
			return err
		})
		if err != nil || unfinished == nil {
			return err
		}
		if !said {
			a.log.WarnContext(ctx, "waiting", "for", unfinished)
		}
		select {
		case <-time.After(askAgain):
		case <-ctx.Done():
			return unfinished
		}
	}
}

// secret is one of the pipe's own, which the role api makes.
func (a *app) secret(ctx context.Context, name string) (secret []byte, err error) {
	find := a.registry.MadeSecret
	if a.maker() {
		find = a.registry.Secret
	}
	err = a.await(ctx, func() (err error) {
		secret, err = find(ctx, name)
		return err
	})
	return secret, err
}

// reseal rewrites what is sealed with an older key, then waits for the end.
func (a *app) reseal(ctx context.Context) error {
	n, err := a.registry.Reseal(ctx)
	if err != nil {
		a.log.WarnContext(ctx, "secrets not all sealed anew: the next start tries again", "error", err)
	}
	if n > 0 {
		a.log.InfoContext(ctx, "secrets sealed with the newest key", "records", n)
	}
	<-ctx.Done()
	return nil
}

func (a *app) declare(ctx context.Context, d config.Declarations) error {
	if err := a.registry.Declare(ctx, registry.Declared(d)); err != nil {
		return err
	}
	e := audit.Entry{At: time.Now().UTC().Truncate(time.Millisecond), Name: filepath.Base(a.settings.ConfigFile), Method: "APPLY", Action: "configuration", Object: a.settings.ConfigFile}
	if err := a.audit.Add(ctx, e); err != nil {
		a.log.ErrorContext(ctx, "it was not kept that a configuration was applied", "error", err)
	}
	a.log.InfoContext(ctx, "configuration applied", "file", a.settings.ConfigFile, "tenants", len(d.Tenants), "own_types", len(d.EventTypes),
		"endpoints", len(d.Endpoints), "subscriptions", len(d.Subscriptions), "tokens", len(d.Tokens))
	return nil
}

// Reload applies the static file as it is now. If anything is wrong with it,
// nothing changes, and the error is logged.
func (a *app) Reload(ctx context.Context) {
	if a.settings.ConfigFile == "" {
		a.log.WarnContext(ctx, "nothing to reload: there is no --config")
		return
	}
	d, err := config.ReadFile(a.settings.ConfigFile)
	if err == nil {
		err = a.declare(ctx, d)
	}
	if err != nil {
		a.log.ErrorContext(ctx, "configuration not applied: what was declared before stands", "error", err)
	}
}
