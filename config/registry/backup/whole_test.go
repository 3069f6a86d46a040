package backup_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/registry/backup"
	"github.com/tidings-dev/tidings/schemas"
)

// tenants are those that a process knows by watching the registry, with their names.
type tenants struct {
	mu    sync.Mutex // guards names
	names map[schemas.TenantID]string
}

func (p *tenants) apply(c schemas.Change) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case c.Tenant == nil:
	case c.Removed:
		delete(p.names, c.Tenant.ID)
	default:
		p.names[c.Tenant.ID] = c.Tenant.Name
	}
}

func (p *tenants) wants(t *testing.T, when string, want map[schemas.TenantID]string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if diff := cmp.Diff(want, p.names); diff != "" {
		t.Errorf("%s (-want +is):\n%s", when, diff)
	}
}

// process is another process on the rig's registry, which it watches.
func (r *rig) process(t *testing.T) (*registry.Registry, *tenants, *registry.Watcher) {
	t.Helper()
	reg, known := registry.New(r.Registry, keyring(t)), &tenants{names: map[schemas.TenantID]string{}}
	w, err := reg.Watch(t.Context(), slog.New(slog.DiscardHandler), known.apply)
	check(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = w.Run(t.Context())
	}()
	t.Cleanup(func() { <-ended })
	return reg, known, w
}

func (r *rig) put(t *testing.T, id schemas.TenantID, name string) {
	t.Helper()
	check(t, r.reg.PutTenant(t.Context(), schemas.Tenant{ID: id, Name: name, Validation: schemas.ValidationReject}))
}

// changed is a rig with other tenants than a file has, and the file.
func changed(t *testing.T) (r *rig, file string, before, after map[schemas.TenantID]string) {
	t.Helper()
	r = newRig(t, keyring(t))
	r.put(t, "acme", "as it was")
	r.put(t, "bolt", "as it was")
	r.put(t, "core", "as it was")
	file, _ = r.write(t)
	check(t, r.reg.RemoveTenant(t.Context(), "core"))
	r.put(t, "acme", "as it is")
	r.put(t, "dune", "as it is")
	return r, file, map[schemas.TenantID]string{"acme": "as it is", "bolt": "as it was", "dune": "as it is"},
		map[schemas.TenantID]string{"acme": "as it was", "bolt": "as it was", "core": "as it was"}
}

// While a restore goes on a process has what was there before, all of it, and neither
// reads nor writes; and then what was restored.
func TestNobodyActsOnHalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, file, before, after := changed(t)
		reg, known, w := r.process(t)
		refused := func(what string, err error) {
			t.Helper()
			if !schemas.HasCode(err, schemas.CodeUnavailable) || !strings.Contains(err.Error(), "is being restored") {
				t.Errorf("%s: %v", what, err)
			}
		}
		looks := 0
		_, err := r.restore(t, file, backup.Options{Replace: true, Written: func(int, int) {
			looks++
			synctest.Wait()
			known.wants(t, "meanwhile", before)
			_, err := reg.Tenant(t.Context(), "acme")
			refused("read", err)
			refused("write", reg.PutTenant(t.Context(), schemas.Tenant{ID: "echo", Validation: schemas.ValidationReject}))
			refused("caught up", w.CaughtUp(t.Context(), reg))
			refused("ready", reg.Whole())
		}})
		check(t, err)
		synctest.Wait()
		check(t, w.CaughtUp(t.Context(), reg))
		check(t, reg.Whole())
		known.wants(t, "afterwards", after)
		if looks == 0 {
			t.Error("nothing was looked at")
		}
		got, err := reg.Tenant(t.Context(), "core")
		if check(t, err); got.Name != "as it was" {
			t.Errorf("read %+v", got)
		}
	})
}

// What an interrupted restore leaves nobody acts on, nor starts on, nor backs up, until
// another has ended.
func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, file, before, after := changed(t)
		reg, known, _ := r.process(t)
		ctx, interrupt := context.WithCancel(t.Context())
		_, err := r.bucket.Restore(ctx, strings.NewReader(file), backup.Options{Replace: true, Written: func(n, _ int) {
			if n == 2 {
				interrupt()
			}
		}})
		if !schemas.HasCode(err, schemas.CodeUnavailable) || !strings.Contains(err.Error(), "interrupted after 2 entries") || !strings.Contains(err.Error(), "--force") {
			t.Fatalf("interrupted: %v", err)
		}
		started := make(chan *tenants)
		go func() {
			_, late, _ := r.process(t)
			started <- late
		}()
		<-time.After(time.Hour)
		synctest.Wait()
		known.wants(t, "an hour later", before)
		if u, err := registry.New(r.Registry, nil).Unfinished(t.Context()); err != nil || u == nil || u.Began.IsZero() || reg.Whole() == nil {
			t.Errorf("unfinished %v, %v; whole %v", u, err, reg.Whole())
		}
		select {
		case <-started:
			t.Fatal("a process started on half of it")
		default:
		}
		r.isLeftAlone(t, file)
		_, err = r.restore(t, file, backup.Options{Replace: true})
		check(t, err)
		late := <-started
		synctest.Wait()
		known.wants(t, "repeated", after)
		late.wants(t, "started late", after)
		if u, err := reg.Unfinished(t.Context()); u != nil || err != nil {
			t.Errorf("unfinished %v, %v", u, err)
		}
	})
}

// isLeftAlone wants nobody to restore over what is there, or back it up, unasked.
func (r *rig) isLeftAlone(t *testing.T, file string) {
	t.Helper()
	if _, err := r.restore(t, file, backup.Options{}); !schemas.HasCode(err, schemas.CodeConflict) || !strings.Contains(err.Error(), "has not ended") || !strings.Contains(err.Error(), "--force") {
		t.Errorf("without --force: %v", err)
	}
	if _, err := r.bucket.Write(t.Context(), &strings.Builder{}, func(int) {}); !schemas.HasCode(err, schemas.CodeConflict) {
		t.Errorf("backed up: %v", err)
	}
}

// Of two that restore at once the first is told, and nothing counts until the second
// has ended.
func TestTwoRestoreAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, file, before, after := changed(t)
		_, known, _ := r.process(t)
		once := sync.Once{}
		second := make(chan error, 1)
		_, err := r.restore(t, file, backup.Options{Replace: true, Written: func(int, int) {
			once.Do(func() {
				go func() {
					_, err := r.restore(t, file, backup.Options{Replace: true, Written: func(int, int) {
						synctest.Wait()
						known.wants(t, "while the second goes on", before)
					}})
					second <- err
				}()
				<-time.After(500 * time.Millisecond)
			})
		}})
		if !schemas.HasCode(err, schemas.CodeUnavailable) || !strings.Contains(err.Error(), "another restore") {
			t.Errorf("the first: %v", err)
		}
		check(t, <-second)
		synctest.Wait()
		known.wants(t, "afterwards", after)
	})
}
