package pipe

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
func (p *Process) startRegistry(ctx context.Context) error {
	return broker.Allowed(ctx, p.nc, p.fillRegistry)
}

func (p *Process) fillRegistry(ctx context.Context) error {
	var err error
	if p.audit, err = audit.New(p.nc); err != nil {
		return err
	}
	p.Registry = registry.New(p.Streams.Registry, p.keys)
	if err := p.wholeRegistry(ctx); err != nil {
		return err
	}
	p.check(func() api.Check {
		c := api.Check{Name: "registry"}
		if err := p.Registry.Whole(); err != nil {
			c.Problem = err.Error()
		}
		return c
	})
	if p.keys != nil { // keys of another pipe would open nothing, and seal what others cannot open
		if _, err := p.secret(ctx, keysSecret); err != nil {
			return err
		}
		if p.maker() { // another process may need it that may not make it
			if _, err := p.secret(ctx, consentSecret); err != nil {
				return err
			}
		}
	}
	if p.settings.ConfigFile != "" {
		if err := p.declare(ctx, p.declared); err != nil {
			return err
		}
	}
	p.Index, p.histories, p.targets, p.Types = fanout.NewIndex(), fanout.NewHistories(), attempt.NewTargets(), catalogue.New()
	p.Types.Refused = func(err error) { p.log.Error("event type left out", "error", err) }   //nolint:sloglint // no context comes with it
	p.Index.Refused = func(err error) { p.log.Error("subscription left out", "error", err) } //nolint:sloglint // no context comes with it
	pictures := []func(schemas.Change){p.Types.Apply, p.Index.Apply, p.histories.Apply, p.targets.Apply}
	if p.settings.Has(config.RoleAPI) {
		p.picture = picture.New()
		pictures = append(pictures, p.picture.Apply)
	}
	watching, begun := outliving(ctx)
	w, err := p.Registry.Watch(watching, p.log, pictures...)
	if begun(); err != nil {
		return err
	}
	p.Barrier = picture.NewBarrier(w, p.Registry)
	p.background(ctx, "registry", w.Run)
	if p.settings.Has(config.RoleAPI) && w.Aged() {
		p.background(ctx, "sealing", p.reseal)
	}
	return nil
}

// wholeRegistry waits until no restore goes on: until somebody repeats one that was
// interrupted there is nothing to start on.
func (p *Process) wholeRegistry(ctx context.Context) error {
	for said := false; ; said = true {
		var unfinished *registry.Restoring
		err := p.await(ctx, func() (err error) {
			unfinished, err = p.Registry.Unfinished(ctx)
			return err
		})
		if err != nil || unfinished == nil {
			return err
		}
		if !said {
			p.log.WarnContext(ctx, "waiting", "for", unfinished)
		}
		select {
		case <-time.After(askAgain):
		case <-ctx.Done():
			return unfinished
		}
	}
}

// secret is one of the pipe's own, which the role api makes.
func (p *Process) secret(ctx context.Context, name string) (secret []byte, err error) {
	find := p.Registry.MadeSecret
	if p.maker() {
		find = p.Registry.Secret
	}
	err = p.await(ctx, func() (err error) {
		secret, err = find(ctx, name)
		return err
	})
	return secret, err
}

// reseal rewrites what is sealed with an older key, then waits for the end.
func (p *Process) reseal(ctx context.Context) error {
	n, err := p.Registry.Reseal(ctx)
	if err != nil {
		p.log.WarnContext(ctx, "secrets not all sealed anew: the next start tries again", "error", err)
	}
	if n > 0 {
		p.log.InfoContext(ctx, "secrets sealed with the newest key", "records", n)
	}
	<-ctx.Done()
	return nil
}

func (p *Process) declare(ctx context.Context, d config.Declarations) error {
	if err := p.Registry.Declare(ctx, registry.Declared(d)); err != nil {
		return err
	}
	e := audit.Entry{At: time.Now().UTC().Truncate(time.Millisecond), Name: filepath.Base(p.settings.ConfigFile), Method: "APPLY", Action: "configuration", Object: p.settings.ConfigFile}
	if err := p.audit.Add(ctx, e); err != nil {
		p.log.ErrorContext(ctx, "it was not kept that a configuration was applied", "error", err)
	}
	p.log.InfoContext(ctx, "configuration applied", "file", p.settings.ConfigFile, "tenants", len(d.Tenants), "own_types", len(d.EventTypes),
		"endpoints", len(d.Endpoints), "subscriptions", len(d.Subscriptions), "tokens", len(d.Tokens))
	return nil
}

// Reload applies the static file as it is now. If anything is wrong with it,
// nothing changes, and the error is logged.
func (p *Process) Reload(ctx context.Context) {
	if p.settings.ConfigFile == "" {
		p.log.WarnContext(ctx, "nothing to reload: there is no --config")
		return
	}
	d, err := config.ReadFile(p.settings.ConfigFile)
	if err == nil {
		err = p.declare(ctx, d)
	}
	if err != nil {
		p.log.ErrorContext(ctx, "configuration not applied: what was declared before stands", "error", err)
	}
}
