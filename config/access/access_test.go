package access_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/schemas"
)

// door is a gate, the tokens it knows, and whose use it was told of.
type door struct {
	gate   *access.Gate
	tokens map[string]schemas.Token
	used   []schemas.TokenID
}

func newDoor(o access.Options) *door {
	d := &door{tokens: map[string]schemas.Token{}}
	var mu sync.Mutex
	o.Lookup = func(hash string) (schemas.Token, bool) {
		mu.Lock()
		defer mu.Unlock()
		t, ok := d.tokens[hash]
		return t, ok
	}
	o.Used = func(id schemas.TokenID, _ time.Time) { d.used = append(d.used, id) }
	d.gate = access.New(o)
	return d
}

func (d *door) issue(t schemas.Token) (presented string) {
	presented, t.Hash = access.NewToken()
	d.tokens[t.Hash] = t
	return presented
}

func (d *door) call(from string, authorization ...string) (access.Principal, error) {
	r := httptest.NewRequest(http.MethodGet, "/v1/tenants", nil)
	r.RemoteAddr = from
	r.Header["Authorization"] = authorization
	if authorization == nil {
		r.Header.Del("Authorization")
	}
	return d.gate.Authenticate(r)
}

const here = "192.0.2.1:1234"

func TestATokenSaysWhoCalls(t *testing.T) {
	d := newDoor(access.Options{})
	token := schemas.Token{ID: "tok_a", Scope: schemas.TokenPersonal, Tenant: "acme", User: []string{"u1", "u@example.com"}, Expires: time.Now().Add(time.Hour)}
	presented := d.issue(token)
	for _, scheme := range []string{"Bearer ", "bearer ", "BEARER  "} {
		got, err := d.call(here, scheme+presented)
		want := access.Principal{Token: "tok_a", Scope: schemas.TokenPersonal, Tenant: "acme", User: token.User, Expires: token.Expires}
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q: got %+v, %v; want %+v", scheme, got, err, want)
		}
	}
	preset := "chosen by an administrator"
	d.tokens[access.Hash(preset)] = schemas.Token{ID: "tok_preset", Scope: schemas.TokenAdmin}
	if got, err := d.call(here, "Bearer "+preset); err != nil || got.Token != "tok_preset" {
		t.Errorf("a preset token: got %+v, %v", got, err)
	}
}

func TestNewTokensDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		presented, hash := access.NewToken()
		if seen[presented] || seen[hash] || !strings.HasPrefix(presented, "tidings_") || len(presented) != len("tidings_")+43 || len(hash) != 64 || hash != access.Hash(presented) {
			t.Fatalf("made a token of %d bytes with the hash %s", len(presented), hash)
		}
		seen[presented], seen[hash] = true, true
	}
	// SHA-256 of "abc", as FIPS 180-2 gives it in appendix B.1.
	if got := access.Hash("abc"); got != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Errorf("the hash of abc is %s", got)
	}
}

// Whatever is wrong with a token, the answer is the same, to the letter.
func TestWrongTokensAreAlike(t *testing.T) {
	d := newDoor(access.Options{})
	good := d.issue(schemas.Token{ID: "tok_good", Scope: schemas.TokenAdmin})
	unknown, _ := access.NewToken()
	gone := time.Now().Add(-time.Second)
	answers := map[string]string{}
	for name, authorization := range map[string][]string{
		"unknown":      {"Bearer " + unknown},
		"revoked":      {"Bearer " + d.issue(schemas.Token{ID: "tok_1", Scope: schemas.TokenAdmin, Revoked: gone})},
		"expired":      {"Bearer " + d.issue(schemas.Token{ID: "tok_2", Scope: schemas.TokenAdmin, Expires: gone})},
		"both":         {"Bearer " + d.issue(schemas.Token{ID: "tok_3", Scope: schemas.TokenAdmin, Expires: gone, Revoked: gone})},
		"cut":          {"Bearer " + good[:len(good)-1]},
		"longer":       {"Bearer " + good + "x"},
		"space behind": {"Bearer " + good + " "},
		"no scheme":    {good},
		"scheme only":  {"Bearer"},
		"empty token":  {"Bearer "},
		"empty":        {""},
		"another":      {"Basic " + good},
		"its hash":     {"Bearer " + access.Hash(good)},
		"huge":         {"Bearer " + strings.Repeat("x", 1<<20)},
		"two headers":  {"Bearer " + good, "Bearer " + good},
	} {
		p, err := d.call(here, authorization...)
		if !schemas.HasCode(err, schemas.CodeUnauthenticated) || p.Scope != "" {
			t.Errorf("%s: got %+v, %v; want unauthenticated", name, p, err)
			continue
		}
		answers[err.Error()] = name
	}
	if len(answers) != 1 {
		t.Errorf("the answers differ: %q", answers)
	}
	if _, err := d.call(here); !schemas.HasCode(err, schemas.CodeUnauthenticated) || !strings.Contains(err.Error(), "Authorization: Bearer") {
		t.Errorf("without a header: %v, want to hear how to present a token", err)
	}
	if len(d.used) > 0 {
		t.Errorf("told that %v were used", d.used)
	}
}

// A token that expires or is revoked stops working at once.
func TestATokenStopsWorking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(access.Options{})
		presented := d.issue(schemas.Token{ID: "tok_a", Scope: schemas.TokenAdmin, Expires: time.Now().Add(time.Minute)})
		for _, c := range []struct {
			after time.Duration
			works bool
		}{{0, true}, {time.Minute - 1, true}, {1, false}} {
			<-time.After(c.after)
			if _, err := d.call(here, "Bearer "+presented); (err == nil) != c.works {
				t.Errorf("%s later: %v, want it to work: %t", c.after, err, c.works)
			}
		}
		revoked := d.tokens[access.Hash(presented)]
		revoked.Expires = time.Time{}
		d.tokens[revoked.Hash] = revoked
		if _, err := d.call(here, "Bearer "+presented); err != nil {
			t.Errorf("prolonged: %v", err)
		}
		revoked.Revoked = time.Now()
		d.tokens[revoked.Hash] = revoked
		if _, err := d.call(here, "Bearer "+presented); !schemas.HasCode(err, schemas.CodeUnauthenticated) {
			t.Errorf("revoked: %v", err)
		}
	})
}

// tooMany is how long to wait, as a refusal says it.
func tooMany(t *testing.T, err error) time.Duration {
	t.Helper()
	var limit *access.TooMany
	if !schemas.HasCode(err, schemas.CodeTooMany) || !errors.As(err, &limit) {
		t.Fatalf("got %v, want too many", err)
	}
	if !strings.Contains(err.Error(), fmt.Sprintf("wait %d s", limit.Seconds())) || limit.Seconds() < 1 {
		t.Errorf("%v does not say to wait %s", err, limit.Wait)
	}
	return limit.Wait
}

func TestATokenHasALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(access.Options{Rate: 2, Burst: 5})
		a, b := d.issue(schemas.Token{ID: "tok_a", Scope: schemas.TokenAdmin}), d.issue(schemas.Token{ID: "tok_b", Scope: schemas.TokenAdmin})
		call := func(token string) error {
			_, err := d.call(here, "Bearer "+token)
			return err
		}
		for i := range 5 {
			if err := call(a); err != nil {
				t.Fatalf("request %d: %v", i, err)
			}
		}
		for range 3 { // refusals cost nothing
			if wait := tooMany(t, call(a)); wait != 500*time.Millisecond {
				t.Errorf("wait %s, want 500ms", wait)
			}
		}
		if err := call(b); err != nil {
			t.Errorf("another token: %v", err)
		}
		<-time.After(500 * time.Millisecond)
		if err := call(a); err != nil {
			t.Errorf("after the wait: %v", err)
		}
		tooMany(t, call(a))
	})
}

func TestNoLimit(t *testing.T) {
	d := newDoor(access.Options{Rate: -1})
	a := d.issue(schemas.Token{ID: "tok_a", Scope: schemas.TokenAdmin})
	for i := range 10_000 {
		if _, err := d.call(here, "Bearer "+a); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
}

// An address that presents many wrong tokens has to wait; neither others nor
// who presents a right one at the same address do.
func TestWrongTokensAreLimitedByAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(access.Options{})
		good := d.issue(schemas.Token{ID: "tok_a", Scope: schemas.TokenAdmin})
		revoked := d.issue(schemas.Token{ID: "tok_b", Scope: schemas.TokenAdmin, Revoked: time.Now()})
		wrong := func(from, token string) error {
			_, err := d.call(from, "Bearer "+token)
			return err
		}
		for i := range 20 {
			if err := wrong(fmt.Sprintf("192.0.2.1:%d", i+1), "wrong"); !schemas.HasCode(err, schemas.CodeUnauthenticated) {
				t.Fatalf("attempt %d: %v", i, err)
			}
		}
		for _, token := range []string{"wrong", revoked, "wrong"} {
			if wait := tooMany(t, wrong(here, token)); wait != 6*time.Second {
				t.Errorf("wait %s, want 6s", wait)
			}
			if err := wrong(here, good); err != nil {
				t.Errorf("a right token meanwhile: %v", err)
			}
		}
		if _, err := d.call(here); !schemas.HasCode(err, schemas.CodeUnauthenticated) {
			t.Errorf("without a token: %v", err)
		}
		for _, other := range []string{"192.0.2.2:1", "[2001:db8::1]:1"} {
			if err := wrong(other, "wrong"); !schemas.HasCode(err, schemas.CodeUnauthenticated) {
				t.Errorf("from %s: %v", other, err)
			}
		}
		<-time.After(6 * time.Second)
		if err := wrong(here, "wrong"); !schemas.HasCode(err, schemas.CodeUnauthenticated) {
			t.Errorf("after the wait: %v", err)
		}
		tooMany(t, wrong(here, "wrong"))
	})
}

func TestAddressesOfOneOwner(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1:1", "192.0.2.1:2", true},
		{"192.0.2.1:1", "192.0.2.2:1", false},
		{"192.0.2.1:1", "[::ffff:192.0.2.1]:1", true},
		{"[2001:db8::1]:1", "[2001:db8::ffff:1]:1", true},
		{"[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false},
		{"[fe80::1%a]:1", "[fe80::1%b]:1", true},
		{"192.0.2.1", "192.0.2.1:1", true},
		{"pipe", "", true},
		{"pipe", "192.0.2.1:1", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDoor(access.Options{})
			for range 20 {
				_, _ = d.call(c.a, "Bearer wrong")
			}
			if _, err := d.call(c.b, "Bearer wrong"); schemas.HasCode(err, schemas.CodeTooMany) != c.same {
				t.Errorf("%s and then %s: %v, want one owner: %t", c.a, c.b, err, c.same)
			}
		})
	}
}

func TestUseIsToldOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(access.Options{Rate: 1000, Burst: 1000})
		a, b := d.issue(schemas.Token{ID: "tok_a", Scope: schemas.TokenAdmin}), d.issue(schemas.Token{ID: "tok_b", Scope: schemas.TokenAdmin})
		for range 180 { // three minutes
			for _, token := range []string{a, b} {
				if _, err := d.call(here, "Bearer "+token); err != nil {
					t.Fatal(err)
				}
			}
			<-time.After(time.Second)
		}
		if got := fmt.Sprint(d.used); got != "[tok_a tok_b tok_a tok_b tok_a tok_b]" {
			t.Errorf("told of %s", got)
		}
	})
}

// However many addresses and tokens come, those of the latest are remembered.
func TestMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(access.Options{Rate: 1, Burst: 1})
		first := d.issue(schemas.Token{ID: "tok_first", Scope: schemas.TokenAdmin})
		stays := d.issue(schemas.Token{ID: "tok_stays", Scope: schemas.TokenAdmin})
		for _, token := range []string{first, stays} {
			if _, err := d.call(here, "Bearer "+token); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 10_000 {
			from := fmt.Sprintf("[2001:db8:%x:%x::1]:1", i>>8, i&0xff)
			if _, err := d.call(from, "Bearer "+d.issue(schemas.Token{ID: schemas.TokenID(fmt.Sprintf("tok_%d", i)), Scope: schemas.TokenAdmin})); err != nil {
				t.Fatal(err)
			}
			if i%5000 == 0 {
				_, err := d.call(here, "Bearer "+stays)
				tooMany(t, err)
			}
		}
		_, err := d.call(here, "Bearer "+stays)
		tooMany(t, err)
		if _, err := d.call(here, "Bearer "+first); err != nil {
			t.Errorf("the first token is remembered after 10 000 others: %v", err)
		}
	})
}

func TestManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(access.Options{Rate: 1, Burst: 100})
		a := d.issue(schemas.Token{ID: "tok_a", Scope: schemas.TokenAdmin})
		var wg sync.WaitGroup
		var mu sync.Mutex
		in := 0
		for range 8 {
			wg.Go(func() {
				for range 100 {
					if _, err := d.call(here, "Bearer "+a); err == nil {
						mu.Lock()
						in++
						mu.Unlock()
					}
				}
			})
		}
		wg.Wait()
		if in != 100 || len(d.used) != 1 {
			t.Errorf("%d came in, and use was told %d times; want 100 and once", in, len(d.used))
		}
	})
}

func FuzzAuthorization(f *testing.F) {
	d := newDoor(access.Options{Rate: -1})
	good := d.issue(schemas.Token{ID: "tok_a", Scope: schemas.TokenAdmin})
	f.Add("Bearer "+good, here)
	f.Add("bearer x", "[::1%x]:y")
	f.Fuzz(func(t *testing.T, authorization, from string) {
		p, err := d.call(from, authorization)
		if (err == nil) != (p.Token == "tok_a") || err == nil && !strings.HasSuffix(authorization, " "+good) {
			t.Errorf("%q came in as %+v, %v", authorization, p, err)
		}
	})
}
