package picture_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/registry/picture"
	"github.com/tidings-dev/tidings/schemas"
)

// model is a picture that anybody sees to be right: a list of the latest changes.
type model map[string]schemas.Change

func (m model) apply(c schemas.Change) {
	key := ""
	switch {
	case c.Tenant != nil:
		key = "tenant " + string(c.Tenant.ID)
	case c.Endpoint != nil:
		key = "endpoint " + string(c.Endpoint.ID)
	case c.Subscription != nil:
		key = "subscription " + string(c.Subscription.ID)
	case c.Token != nil:
		key = "token " + string(c.Token.ID)
	case c.EventType != nil:
		key = "type " + string(c.EventType.Tenant) + " " + c.EventType.Type
	}
	if m[key] = c; c.Removed {
		delete(m, key)
	}
}

// page names what there is after an id, in order, with versions.
func (m model) page(of func(schemas.Change) (id string, ok bool), after string, limit int) string {
	var found []schemas.Change
	for _, c := range m {
		if id, ok := of(c); ok && id > after {
			found = append(found, c)
		}
	}
	name := func(c schemas.Change) string { id, _ := of(c); return id }
	slices.SortFunc(found, func(a, b schemas.Change) int { return cmp.Compare(name(a), name(b)) })
	if limit > 0 && len(found) > limit {
		found = found[:limit]
	}
	var text strings.Builder
	for _, c := range found {
		fmt.Fprintf(&text, "%s@%d ", name(c), c.Version)
	}
	return text.String()
}

func pageOf[T any](records []registry.Record[T], id func(T) string) string {
	var text strings.Builder
	for _, rec := range records {
		fmt.Fprintf(&text, "%s@%d ", id(rec.Value), rec.Version)
	}
	return text.String()
}

// randomChange is one of few records, so that they change and go often.
func randomChange(rnd *rand.Rand, version uint64) schemas.Change {
	c := schemas.Change{Version: version, Removed: rnd.IntN(4) == 0}
	tenant := schemas.TenantID(fmt.Sprintf("t%d", rnd.IntN(3)))
	n := rnd.IntN(40)
	switch rnd.IntN(5) {
	case 0:
		c.Tenant = &schemas.Tenant{ID: schemas.TenantID(fmt.Sprintf("t%d", n))}
	case 1:
		c.Endpoint = &schemas.Endpoint{ID: schemas.EndpointID(fmt.Sprintf("ep_%d", n)), Tenant: tenant, Owner: []string{"", "u1", "u2"}[rnd.IntN(3)]}
	case 2:
		endpoint := schemas.EndpointID(fmt.Sprintf("ep_%d", rnd.IntN(3)))
		c.Subscription = &schemas.Subscription{ID: schemas.SubscriptionID(fmt.Sprintf("sub_%d", n)), Tenant: tenant, Endpoint: endpoint}
	case 3:
		if n%4 == 0 {
			tenant = ""
		}
		c.Token = &schemas.Token{ID: schemas.TokenID(fmt.Sprintf("tok_%d", n)), Tenant: tenant, Hash: fmt.Sprint("h", rnd.IntN(60))}
	case 4:
		if n%4 == 0 {
			tenant = ""
		}
		c.EventType = &schemas.EventType{Tenant: tenant, Type: fmt.Sprintf("order.%d", n%10)}
	}
	if c.Removed { // ids only
		switch {
		case c.Endpoint != nil:
			c.Endpoint = &schemas.Endpoint{ID: c.Endpoint.ID}
		case c.Subscription != nil:
			c.Subscription = &schemas.Subscription{ID: c.Subscription.ID}
		case c.Token != nil:
			c.Token = &schemas.Token{ID: c.Token.ID}
		}
	}
	return c
}

// Whatever changes, the pages are those of the model.
func TestAPictureIsWhatTheChangesSay(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	p, m := picture.New(), model{}
	for version := range uint64(20_000) {
		c := randomChange(rnd, version+1)
		p.Apply(c)
		m.apply(c)
		if version%10 == 0 {
			comparePages(t, rnd, p, m)
		}
		if t.Failed() {
			return
		}
	}
}

func comparePages(t *testing.T, rnd *rand.Rand, p *picture.Picture, m model) {
	t.Helper()
	tenant, endpoint := schemas.TenantID(fmt.Sprintf("t%d", rnd.IntN(4))), schemas.EndpointID(fmt.Sprintf("ep_%d", rnd.IntN(4)))
	n, limit := rnd.IntN(45), rnd.IntN(12)
	after := func(prefix string) string {
		if n > 40 {
			return ""
		}
		return fmt.Sprint(prefix, n)
	}
	check := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s of %s after %d, at most %d:\ngot  %s\nwant %s", what, tenant, n, limit, got, want)
		}
	}
	check("tenants", pageOf(p.Tenants(schemas.TenantID(after("t")), limit), func(v schemas.Tenant) string { return string(v.ID) }),
		m.page(func(c schemas.Change) (string, bool) {
			if c.Tenant == nil {
				return "", false
			}
			return string(c.Tenant.ID), true
		}, after("t"), limit))
	check("endpoints", pageOf(p.Endpoints(tenant, schemas.EndpointID(after("ep_")), limit), func(v schemas.Endpoint) string { return string(v.ID) }),
		m.page(func(c schemas.Change) (string, bool) {
			if c.Endpoint == nil {
				return "", false
			}
			return string(c.Endpoint.ID), c.Endpoint.Tenant == tenant
		}, after("ep_"), limit))
	check("endpoints of u1", pageOf(p.EndpointsOf(tenant, "u1", schemas.EndpointID(after("ep_")), limit), func(v schemas.Endpoint) string { return string(v.ID) }),
		m.page(func(c schemas.Change) (string, bool) {
			if c.Endpoint == nil {
				return "", false
			}
			return string(c.Endpoint.ID), c.Endpoint.Tenant == tenant && c.Endpoint.Owner == "u1"
		}, after("ep_"), limit))
	for _, of := range []schemas.EndpointID{"", endpoint} {
		check("subscriptions of "+string(of), pageOf(p.Subscriptions(tenant, of, schemas.SubscriptionID(after("sub_")), limit), func(v schemas.Subscription) string { return string(v.ID) }),
			m.page(func(c schemas.Change) (string, bool) {
				if c.Subscription == nil {
					return "", false
				}
				return string(c.Subscription.ID), c.Subscription.Tenant == tenant && (of == "" || c.Subscription.Endpoint == of)
			}, after("sub_"), limit))
	}
	for _, of := range []schemas.TenantID{"", tenant} {
		check("tokens", pageOf(p.Tokens(of, schemas.TokenID(after("tok_")), limit), func(v schemas.Token) string { return string(v.ID) }),
			m.page(func(c schemas.Change) (string, bool) {
				if c.Token == nil {
					return "", false
				}
				return string(c.Token.ID), of == "" || c.Token.Tenant == of
			}, after("tok_"), limit))
		check("event types", pageOf(p.EventTypes(of, after("order."), limit), func(v schemas.EventType) string { return v.Type }),
			m.page(func(c schemas.Change) (string, bool) {
				if c.EventType == nil {
					return "", false
				}
				return c.EventType.Type, c.EventType.Tenant == of
			}, after("order."), limit))
	}
	compareOne(t, rnd, p, m)
}

func compareOne(t *testing.T, rnd *rand.Rand, p *picture.Picture, m model) {
	t.Helper()
	n, tenant := rnd.IntN(40), schemas.TenantID(fmt.Sprintf("t%d", rnd.IntN(3)))
	check := func(key string, version uint64, ok bool, mine func(schemas.Change) bool) {
		t.Helper()
		if c, there := m[key]; ok != (there && mine(c)) || ok && version != c.Version {
			t.Errorf("%s of %s: version %d, %t; want %d, %t", key, tenant, version, ok, c.Version, there)
		}
	}
	id := fmt.Sprintf("t%d", n)
	a, ok := p.Tenant(schemas.TenantID(id))
	check("tenant "+id, a.Version, ok, func(schemas.Change) bool { return true })
	id = fmt.Sprintf("ep_%d", n)
	b, ok := p.Endpoint(tenant, schemas.EndpointID(id))
	check("endpoint "+id, b.Version, ok, func(c schemas.Change) bool { return c.Endpoint.Tenant == tenant })
	id = fmt.Sprintf("sub_%d", n)
	s, ok := p.Subscription(tenant, schemas.SubscriptionID(id))
	check("subscription "+id, s.Version, ok, func(c schemas.Change) bool { return c.Subscription.Tenant == tenant })
	id = fmt.Sprintf("order.%d", n%10)
	e, ok := p.EventType(tenant, id)
	check("type "+string(tenant)+" "+id, e.Version, ok, func(schemas.Change) bool { return true })
	id = fmt.Sprintf("tok_%d", n)
	k, ok := p.Token(schemas.TokenID(id))
	check("token "+id, k.Version, ok, func(schemas.Change) bool { return true })
	if found, hit := p.TokenByHash(k.Value.Hash); hit && found.Value.Hash != k.Value.Hash {
		t.Errorf("the hash %s finds the token %s", k.Value.Hash, found.Value.ID)
	}
	hash := fmt.Sprint("h", rnd.IntN(60))
	if found, ok := p.TokenByHash(hash); ok {
		check("token "+string(found.Value.ID), found.Version, ok, func(c schemas.Change) bool { return c.Token.Hash == hash })
	}
}

// A token is found by its hash from when it is made until it goes, and no longer
// by a hash it had.
func TestTokensAreFoundByHash(t *testing.T) {
	p := picture.New()
	a := schemas.Token{ID: "tok_a", Tenant: "acme", Hash: "one"}
	p.Apply(schemas.Change{Token: &a, Version: 1})
	if rec, ok := p.TokenByHash(a.Hash); !ok || rec.Value.ID != "tok_a" || rec.Version != 1 {
		t.Errorf("found %+v, %t", rec, ok)
	}
	anew := schemas.Token{ID: "tok_a", Tenant: "acme", Hash: "another"}
	p.Apply(schemas.Change{Token: &anew, Version: 2})
	if _, ok := p.TokenByHash(a.Hash); ok {
		t.Error("the old hash finds it still")
	}
	if rec, ok := p.TokenByHash(anew.Hash); !ok || rec.Version != 2 {
		t.Errorf("the new hash finds %+v, %t", rec, ok)
	}
	p.Apply(schemas.Change{Token: &schemas.Token{ID: "tok_a"}, Removed: true, Version: 3})
	for _, hash := range []string{a.Hash, anew.Hash, ""} {
		if rec, ok := p.TokenByHash(hash); ok {
			t.Errorf("removed, it is found: %+v", rec)
		}
	}
}

// More than one piece of the order, made in any order, removed in any order.
func TestAPictureOfMany(t *testing.T) {
	const n = 5000
	rnd := rand.New(rand.NewPCG(3, 4))
	for name, order := range map[string][]int{"ascending": ascending(n), "descending": descending(n), "random": rnd.Perm(n)} {
		p := picture.New()
		for _, i := range order {
			p.Apply(schemas.Change{Endpoint: &schemas.Endpoint{ID: numbered(i), Tenant: "acme"}})
		}
		gone := rnd.Perm(n)[:n-1]
		for k, i := range gone {
			if k%500 == 0 {
				checkPages(t, name, p, n-k)
			}
			p.Apply(schemas.Change{Endpoint: &schemas.Endpoint{ID: numbered(i)}, Removed: true})
		}
		checkPages(t, name, p, 1)
	}
}

// checkPages walks all endpoints in pages of 37.
func checkPages(t *testing.T, name string, p *picture.Picture, want int) {
	t.Helper()
	after, seen := schemas.EndpointID(""), 0
	for {
		page := p.Endpoints("acme", after, 37)
		for _, rec := range page {
			if rec.Value.ID <= after {
				t.Fatalf("%s: %s comes after %s", name, rec.Value.ID, after)
			}
			after = rec.Value.ID
		}
		if seen += len(page); len(page) < 37 {
			break
		}
	}
	if seen != want || len(p.Endpoints("acme", "", 0)) != want {
		t.Errorf("%s: %d endpoints in pages, %d at once, want %d", name, seen, len(p.Endpoints("acme", "", 0)), want)
	}
}

func numbered(i int) schemas.EndpointID { return schemas.EndpointID(fmt.Sprintf("ep_%06d", i)) }

func ascending(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

func descending(n int) []int {
	order := ascending(n)
	slices.Reverse(order)
	return order
}

// Readers and a writer at once; the race detector looks on.
func TestAPictureIsReadWhileItChanges(t *testing.T) {
	p := picture.New()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 300 {
				for _, rec := range p.Endpoints("acme", "", 20) {
					if got, ok := p.Endpoint("acme", rec.Value.ID); ok && got.Version < rec.Version {
						t.Errorf("%s went back from version %d to %d", rec.Value.ID, rec.Version, got.Version)
					}
				}
			}
		})
	}
	for i := range 3000 {
		p.Apply(schemas.Change{Endpoint: &schemas.Endpoint{ID: numbered(i % 100), Tenant: "acme"}, Version: uint64(i), Removed: i%7 == 0})
	}
	wg.Wait()
}

// Of two tokens of one hash the one that was written last answers, and once it is
// gone or revoked the hash opens nothing that was revoked.
func TestTokensOfOneHash(t *testing.T) {
	p := picture.New()
	a, b := schemas.Token{ID: "tok_a", Hash: "same"}, schemas.Token{ID: "tok_b", Hash: "same"}
	p.Apply(schemas.Change{Token: &a, Version: 1})
	p.Apply(schemas.Change{Token: &b, Version: 2})
	a.Name = "revoked"
	p.Apply(schemas.Change{Token: &a, Version: 3})
	if rec, ok := p.TokenByHash("same"); !ok || rec.Value.Name != "revoked" {
		t.Errorf("the hash finds %+v, %t", rec, ok)
	}
	p.Apply(schemas.Change{Token: &schemas.Token{ID: "tok_a"}, Removed: true, Version: 4})
	if rec, ok := p.TokenByHash("same"); ok {
		t.Errorf("after the last one went, the hash finds %+v", rec)
	}
}
