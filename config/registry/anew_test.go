package registry_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

// storedKeys are all the keys of the bucket, sorted.
func storedKeys(t *testing.T, env *streamstest.Env) string {
	t.Helper()
	keys, err := env.Registry.Keys(t.Context())
	must(t, err)
	slices.Sort(keys)
	return strings.Join(keys, "\n")
}

// Who makes a tenant under the id of one that was removed begins with nothing.
func TestATenantMadeAnewInheritsNothing(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		ctx := t.Context()
		clean := storedKeys(t, env)
		must(t, r.PutTenant(ctx, schemas.Tenant{ID: "acme-2"}))
		fill := func(tenant schemas.TenantID) (secret []byte) {
			name := string(tenant)
			must(t, r.PutEndpoint(ctx, endpoint(schemas.EndpointID("ep_"+name), tenant)))
			sub := schemas.SubscriptionID("sub_" + name)
			must(t, r.PutSubscription(ctx, subscription(sub, tenant, schemas.EndpointID("ep_"+name))))
			must(t, r.SetProgress(ctx, schemas.Subscription{ID: sub}, 7))
			_, err := r.CreateToken(ctx, token(schemas.TokenID("tok_"+name), tenant))
			must(t, err)
			must(t, r.SetUsed(ctx, schemas.TokenID("tok_"+name), time.Now()))
			must(t, r.PutEventType(ctx, eventType(tenant, "order.placed", "total")))
			secret, err = r.TenantSecret(ctx, tenant, "roam")
			must(t, err)
			return secret
		}
		kept := fill("acme-2")
		beside := storedKeys(t, env)
		secret := fill("acme")
		must(t, r.DeleteTenant(ctx, "acme", registry.AnyVersion))
		refusedAs(t, func() error { _, err := r.TenantSecret(ctx, "acme", "roam"); return err }(), schemas.CodeNotFound)
		must(t, r.PutTenant(ctx, schemas.Tenant{ID: "acme"}))
		if got := storedKeys(t, env); got != beside {
			t.Errorf("there are\n%s\nwant\n%s", got, beside)
		}
		if anew, err := r.TenantSecret(ctx, "acme", "roam"); err != nil || bytes.Equal(anew, secret) {
			t.Errorf("it has the secret of the one before, %v", err)
		}
		if again, err := r.TenantSecret(ctx, "acme-2", "roam"); err != nil || !bytes.Equal(again, kept) {
			t.Errorf("another tenant lost its secret, %v", err)
		}
		must(t, r.DeleteTenant(ctx, "acme-2", registry.AnyVersion))
		must(t, r.DeleteTenant(ctx, "acme", registry.AnyVersion))
		must(t, r.PutTenant(ctx, schemas.Tenant{ID: "acme"}))
		if got := storedKeys(t, env); got != clean {
			t.Errorf("there are\n%s\nwant\n%s", got, clean)
		}
	})
}
