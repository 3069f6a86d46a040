package registry_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

// kindOf is what every kind of record can do, whatever its type.
type kindOf[T any] struct {
	value   func(tenant schemas.TenantID, id string) T
	create  func(context.Context, T) (registry.Record[T], error)
	update  func(ctx context.Context, tenant schemas.TenantID, id string, version uint64, change func(*T) error) (registry.Record[T], error)
	remove  func(ctx context.Context, tenant schemas.TenantID, id string, version uint64) error
	get     func(ctx context.Context, id string) (T, error)
	declare func(T) registry.Declared // beside acme and the endpoint ep_x
	edit    func(*T, string)          // changes something
	spoil   func(*T)                  // makes it invalid
	meddle  func(*T)                  // changes what nobody may
	id      string                    // one of the kind
	shared  bool                      // there is no tenant to tell from another
}

func token(id schemas.TokenID, tenant schemas.TenantID) schemas.Token {
	hash := sha256.Sum256([]byte(rand.Text()))
	return schemas.Token{ID: id, Hash: hex.EncodeToString(hash[:]), Scope: schemas.TokenWrite, Tenant: tenant}
}

func tenantKind(r *registry.Registry) kindOf[schemas.Tenant] {
	return kindOf[schemas.Tenant]{
		value:  func(_ schemas.TenantID, id string) schemas.Tenant { return schemas.Tenant{ID: schemas.TenantID(id)} },
		create: r.CreateTenant,
		update: func(ctx context.Context, _ schemas.TenantID, id string, version uint64, change func(*schemas.Tenant) error) (registry.Record[schemas.Tenant], error) {
			return r.UpdateTenant(ctx, schemas.TenantID(id), version, change)
		},
		remove: func(ctx context.Context, _ schemas.TenantID, id string, version uint64) error {
			return r.DeleteTenant(ctx, schemas.TenantID(id), version)
		},
		get: func(ctx context.Context, id string) (schemas.Tenant, error) {
			return r.Tenant(ctx, schemas.TenantID(id))
		},
		declare: func(v schemas.Tenant) registry.Declared {
			return registry.Declared{Tenants: []schemas.Tenant{v}}
		},
		edit:   func(v *schemas.Tenant, name string) { v.Name = name },
		spoil:  func(v *schemas.Tenant) { v.Validation = "?" },
		meddle: func(v *schemas.Tenant) { v.ID, v.Created, v.Origin = "beta", time.Time{}, schemas.OriginFile },
		id:     "new", shared: true,
	}
}

func endpointKind(r *registry.Registry) kindOf[schemas.Endpoint] {
	return kindOf[schemas.Endpoint]{
		value: func(tenant schemas.TenantID, id string) schemas.Endpoint {
			return endpoint(schemas.EndpointID(id), tenant)
		},
		create: r.CreateEndpoint,
		update: func(ctx context.Context, tenant schemas.TenantID, id string, version uint64, change func(*schemas.Endpoint) error) (registry.Record[schemas.Endpoint], error) {
			return r.UpdateEndpoint(ctx, tenant, schemas.EndpointID(id), version, change)
		},
		remove: func(ctx context.Context, tenant schemas.TenantID, id string, version uint64) error {
			return r.DeleteEndpoint(ctx, tenant, schemas.EndpointID(id), version)
		},
		get: func(ctx context.Context, id string) (schemas.Endpoint, error) {
			return r.Endpoint(ctx, schemas.EndpointID(id))
		},
		declare: func(v schemas.Endpoint) registry.Declared {
			return registry.Declared{Endpoints: []schemas.Endpoint{v}}
		},
		edit:  func(v *schemas.Endpoint, name string) { v.Name = name },
		spoil: func(v *schemas.Endpoint) { v.URL = "/" },
		meddle: func(v *schemas.Endpoint) {
			v.ID, v.Tenant, v.Created, v.Origin, v.Consent = "ep_other", "beta", time.Time{}, schemas.OriginFile, &consent
		},
		id: "ep_new",
	}
}

func subscriptionKind(r *registry.Registry) kindOf[schemas.Subscription] {
	return kindOf[schemas.Subscription]{
		value: func(tenant schemas.TenantID, id string) schemas.Subscription {
			return subscription(schemas.SubscriptionID(id), tenant, schemas.EndpointID("ep_of_"+tenant))
		},
		create: r.CreateSubscription,
		update: func(ctx context.Context, tenant schemas.TenantID, id string, version uint64, change func(*schemas.Subscription) error) (registry.Record[schemas.Subscription], error) {
			return r.UpdateSubscription(ctx, tenant, schemas.SubscriptionID(id), version, change)
		},
		remove: func(ctx context.Context, tenant schemas.TenantID, id string, version uint64) error {
			return r.DeleteSubscription(ctx, tenant, schemas.SubscriptionID(id), version)
		},
		get: func(ctx context.Context, id string) (schemas.Subscription, error) {
			return r.Subscription(ctx, schemas.SubscriptionID(id))
		},
		declare: func(v schemas.Subscription) registry.Declared {
			return registry.Declared{Subscriptions: []schemas.Subscription{v}}
		},
		edit:  func(v *schemas.Subscription, name string) { v.Channel = name },
		spoil: func(v *schemas.Subscription) { v.Types = nil },
		meddle: func(v *schemas.Subscription) {
			v.ID, v.Tenant, v.Endpoint, v.Created, v.Origin = "sub_other", "beta", "ep_of_beta", time.Time{}, schemas.OriginFile
			v.History = &schemas.History{State: schemas.HistoryReading}
		},
		id: "sub_new",
	}
}

func tokenKind(r *registry.Registry) kindOf[schemas.Token] {
	return kindOf[schemas.Token]{
		value:  func(tenant schemas.TenantID, id string) schemas.Token { return token(schemas.TokenID(id), tenant) },
		create: r.CreateToken,
		update: func(ctx context.Context, _ schemas.TenantID, id string, version uint64, change func(*schemas.Token) error) (registry.Record[schemas.Token], error) {
			return r.UpdateToken(ctx, schemas.TokenID(id), version, change)
		},
		remove: func(ctx context.Context, _ schemas.TenantID, id string, version uint64) error {
			return r.DeleteToken(ctx, schemas.TokenID(id), version)
		},
		get: func(ctx context.Context, id string) (schemas.Token, error) { return r.Token(ctx, schemas.TokenID(id)) },
		declare: func(v schemas.Token) registry.Declared {
			return registry.Declared{Tokens: []schemas.Token{v}}
		},
		edit:  func(v *schemas.Token, name string) { v.Name = name },
		spoil: func(v *schemas.Token) { v.Scope = "?" },
		meddle: func(v *schemas.Token) {
			v.ID, v.Tenant, v.Hash, v.Created, v.Origin = "tok_other", "beta", strings.Repeat("0", 64), time.Time{}, schemas.OriginFile
		},
		id: "tok_new", shared: true,
	}
}

// TestContract holds every kind of record to what the API builds on.
func TestContract(t *testing.T) {
	t.Run("tenant", func(t *testing.T) { conform(t, tenantKind) })
	t.Run("endpoint", func(t *testing.T) { conform(t, endpointKind) })
	t.Run("subscription", func(t *testing.T) { conform(t, subscriptionKind) })
	t.Run("token", func(t *testing.T) { conform(t, tokenKind) })
}

func conform[T any](t *testing.T, kind func(*registry.Registry) kindOf[T]) {
	for name, test := range map[string]func(*testing.T, kindOf[T], *registry.Registry, *streamstest.Env){
		"versions": checkVersions[T], "removal": checkRemoval[T], "refusals": checkRefusals[T], "file": checkFile[T],
		"strangers": checkStrangers[T], "lost updates": checkLostUpdates[T],
	} {
		t.Run(name, func(t *testing.T) {
			inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
				for _, tenant := range []schemas.TenantID{"acme", "beta"} {
					must(t, r.PutEndpoint(t.Context(), endpoint(schemas.EndpointID("ep_of_"+tenant), tenant)))
				}
				test(t, kind(r), r, env)
			})
		})
	}
}

func created[T any](v T) time.Time {
	return reflect.ValueOf(v).FieldByName("Created").Interface().(time.Time)
}

// A record keeps when it was made, its ids and its owner, and its version grows.
func checkVersions[T any](t *testing.T, k kindOf[T], _ *registry.Registry, env *streamstest.Env) {
	ctx := t.Context()
	made, err := k.create(ctx, k.value("acme", k.id))
	if err != nil || made.Version == 0 || time.Since(created(made.Value)) > time.Second || made.Updated.IsZero() {
		t.Fatalf("made %+v, %v", made, err)
	}
	<-time.After(time.Hour)
	changed, err := k.update(ctx, "acme", k.id, made.Version, func(v *T) error { k.edit(v, "one"); return nil })
	want := made.Value
	k.edit(&want, "one")
	if err != nil || changed.Version <= made.Version || !reflect.DeepEqual(changed.Value, want) {
		t.Errorf("changed to %+v, %v; want %+v", changed, err, want)
	}
	if got, err := k.get(ctx, k.id); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("then it is %+v, %v; want %+v", got, err, want)
	}
	before := lastSequence(t, env)
	same, err := k.update(ctx, "acme", k.id, registry.AnyVersion, func(v *T) error { k.meddle(v); k.edit(v, "one"); return nil })
	if err != nil || same.Version != changed.Version || !reflect.DeepEqual(same.Value, want) || lastSequence(t, env) != before {
		t.Errorf("meddled with, it is %+v, %v; want %+v and nothing written", same, err, want)
	}
}

// A record that is made again has a version of its own.
func checkRemoval[T any](t *testing.T, k kindOf[T], _ *registry.Registry, _ *streamstest.Env) {
	ctx := t.Context()
	same, err := k.create(ctx, k.value("acme", k.id))
	must(t, err)
	must(t, k.remove(ctx, "acme", k.id, same.Version))
	if _, err := k.get(ctx, k.id); !schemas.HasCode(err, schemas.CodeNotFound) {
		t.Errorf("removed, it is there still: %v", err)
	}
	again, err := k.create(ctx, k.value("acme", k.id))
	if err != nil || again.Version <= same.Version {
		t.Errorf("made again it has the version %d after %d, %v", again.Version, same.Version, err)
	}
	must(t, k.remove(ctx, "acme", k.id, registry.AnyVersion))
}

func checkRefusals[T any](t *testing.T, k kindOf[T], _ *registry.Registry, env *streamstest.Env) {
	ctx := t.Context()
	made, err := k.create(ctx, k.value("acme", k.id))
	must(t, err)
	rename := func(v *T) error { k.edit(v, "two"); return nil }
	now, err := k.update(ctx, "acme", k.id, made.Version, rename)
	must(t, err)
	mine := errors.New("mine")
	bad := k.value("acme", k.id+"2")
	k.spoil(&bad)
	before := lastSequence(t, env)
	for name, c := range map[string]struct {
		do   func() error
		code schemas.Code
	}{
		"create, taken":   {func() error { _, err := k.create(ctx, k.value("acme", k.id)); return err }, schemas.CodeConflict},
		"create, invalid": {func() error { _, err := k.create(ctx, bad); return err }, schemas.CodeInvalid},
		"update, old version": {func() error {
			_, err := k.update(ctx, "acme", k.id, made.Version, func(*T) error { return mine })
			return err
		}, schemas.CodeStale},
		"update, new version":     {func() error { _, err := k.update(ctx, "acme", k.id, now.Version+1, rename); return err }, schemas.CodeStale},
		"update, none":            {func() error { _, err := k.update(ctx, "acme", k.id+"0", 0, rename); return err }, schemas.CodeNotFound},
		"update, none, a version": {func() error { _, err := k.update(ctx, "acme", k.id+"0", 7, rename); return err }, schemas.CodeNotFound},
		"update, wild":            {func() error { _, err := k.update(ctx, "acme", "*", 0, rename); return err }, schemas.CodeNotFound},
		"update, invalid": {func() error {
			_, err := k.update(ctx, "acme", k.id, now.Version, func(v *T) error { k.spoil(v); return nil })
			return err
		}, schemas.CodeInvalid},
		"remove, old version": {func() error { return k.remove(ctx, "acme", k.id, made.Version) }, schemas.CodeStale},
		"remove, none":        {func() error { return k.remove(ctx, "acme", k.id+"0", 0) }, schemas.CodeNotFound},
	} {
		if err := c.do(); !schemas.HasCode(err, c.code) {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	if _, err := k.update(ctx, "acme", k.id, now.Version, func(*T) error { return mine }); err != mine { //nolint:errorlint // as it is
		t.Errorf("an error of the change: %v", err)
	}
	if got, err := k.get(ctx, k.id); err != nil || !reflect.DeepEqual(got, now.Value) {
		t.Errorf("after refusals it is %+v, %v; want %+v", got, err, now.Value)
	}
	if wrote := lastSequence(t, env) - before; wrote > 1 { // where a record belongs is written first
		t.Errorf("refusals wrote %d records", wrote)
	}
}

// What the file declares, only the file changes.
func checkFile[T any](t *testing.T, k kindOf[T], r *registry.Registry, _ *streamstest.Env) {
	ctx := t.Context()
	declared := k.value("acme", k.id)
	must(t, r.Declare(ctx, k.declare(declared)))
	now, err := k.get(ctx, k.id)
	must(t, err)
	for name, err := range map[string]error{
		"update": func() error {
			_, err := k.update(ctx, "acme", k.id, 0, func(v *T) error { k.edit(v, "x"); return nil })
			return err
		}(),
		"no update": func() error { _, err := k.update(ctx, "acme", k.id, 0, func(*T) error { return nil }); return err }(),
		"remove":    k.remove(ctx, "acme", k.id, 0),
	} {
		if !schemas.HasCode(err, schemas.CodeConflict) || !strings.Contains(err.Error(), "declared in tidings.yaml: change it there") {
			t.Errorf("%s: %v, want a conflict that says where to change it", name, err)
		}
	}
	<-time.After(time.Hour)
	k.edit(&declared, "declared anew")
	must(t, r.Declare(ctx, k.declare(declared)))
	got, err := k.get(ctx, k.id)
	k.edit(&now, "declared anew")
	if err != nil || !reflect.DeepEqual(got, now) {
		t.Errorf("declared anew it is %+v, %v; want %+v", got, err, now)
	}
	must(t, r.Declare(ctx, registry.Declared{}))
	if _, err := k.get(ctx, k.id); !schemas.HasCode(err, schemas.CodeNotFound) {
		t.Errorf("no longer declared, it is there still: %v", err)
	}
}

// Another tenant's record does not exist, whatever version one asks for.
func checkStrangers[T any](t *testing.T, k kindOf[T], _ *registry.Registry, env *streamstest.Env) {
	if k.shared {
		return // only an administrator gets at it
	}
	ctx := t.Context()
	made, err := k.create(ctx, k.value("acme", k.id))
	must(t, err)
	before := lastSequence(t, env)
	for _, version := range []uint64{registry.AnyVersion, made.Version, made.Version + 1} {
		_, err := k.update(ctx, "beta", k.id, version, func(*T) error { t.Error("beta sees it"); return nil })
		_, none := k.update(ctx, "beta", k.id+"0", version, func(*T) error { return nil })
		for _, err := range []error{err, k.remove(ctx, "beta", k.id, version)} {
			if !schemas.HasCode(err, schemas.CodeNotFound) || strings.ReplaceAll(none.Error(), k.id+"0", k.id) != err.Error() {
				t.Errorf("version %d: %v, want what one hears of none: %v", version, err, none)
			}
		}
	}
	if wrote := lastSequence(t, env) - before; wrote > 0 {
		t.Errorf("%d records were written", wrote)
	}
}

// Many change one record at once, over connections of their own. Those who name
// a version and those who do not: no change that was confirmed is lost.
func checkLostUpdates[T any](t *testing.T, k kindOf[T], _ *registry.Registry, _ *streamstest.Env) {
	ctx := t.Context()
	made, err := k.create(ctx, k.value("acme", k.id))
	must(t, err)
	const writers, each = 8, 25
	var wg sync.WaitGroup
	var mu sync.Mutex
	versions := map[uint64]bool{}
	stale := 0
	for w := range writers {
		wg.Go(func() {
			version := made.Version
			for n := 0; n < each; {
				asked := version
				if w%2 == 0 {
					asked = registry.AnyVersion
				}
				now, err := k.update(ctx, "acme", k.id, asked, func(v *T) error { k.edit(v, nameOf(*v)+"x"); return nil })
				mu.Lock()
				switch {
				case err == nil && !versions[now.Version]:
					n++
					version = now.Version
					versions[version] = true
				case schemas.HasCode(err, schemas.CodeStale) && asked != registry.AnyVersion:
					stale++
					for v := range versions {
						version = max(version, v)
					}
				default:
					t.Errorf("update of version %d: %+v, %v", asked, now, err)
					n = each
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	v, err := k.get(ctx, k.id)
	if got := strings.Count(nameOf(v), "x"); err != nil || got != writers*each || len(versions) != got {
		t.Errorf("%d of %d updates are there, %v", got, writers*each, err)
	}
	if stale == 0 {
		t.Error("nobody heard that their version was stale: they did not write at once")
	}
}

// nameOf is what edit sets.
func nameOf(v any) string {
	f := reflect.ValueOf(v).FieldByName("Name")
	if !f.IsValid() {
		f = reflect.ValueOf(v).FieldByName("Channel")
	}
	return f.String()
}
