package access

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// Options say whom a [Gate] lets in.
type Options struct {
	// Lookup finds a token by its hash. Required.
	Lookup func(hash string) (schemas.Token, bool)
	// Links are let in too; nil knows none.
	Links *Links
	// Used is told when a token is used, at most once a minute for each. It does
	// not block. Nil tells nobody.
	Used func(schemas.TokenID, time.Time)
	// Rate is how many requests a second a token may make, 100 by default;
	// negative is no limit.
	Rate float64
	// Burst is how many it may make at once, twice the rate by default.
	Burst int
}

const (
	defaultRate = 100.0

	// An address may present this many wrong tokens at once, and then one every
	// while, before it is told to wait. A right token comes in all the same: behind
	// a proxy everybody has one address, and nobody shall lock the others out. What
	// keeps guessers out is the length of a token.
	wrongBurst = 20
	wrongEvery = 6 * time.Second

	usedEvery = time.Minute
)

func (o Options) withDefaults() Options {
	if o.Rate == 0 {
		o.Rate = defaultRate
	}
	if o.Burst <= 0 {
		o.Burst = max(1, int(2*o.Rate))
	}
	return o
}

// Gate knows callers by their tokens. It is safe for concurrent use.
type Gate struct {
	options Options
	tokens  *limits[schemas.TokenID]
	wrong   *limits[netip.Prefix]
}

// New is a gate that knows no caller yet.
func New(o Options) *Gate {
	o = o.withDefaults()
	return &Gate{
		options: o,
		tokens:  newLimits[schemas.TokenID](o.Rate, o.Burst),
		wrong:   newLimits[netip.Prefix](1/wrongEvery.Seconds(), wrongBurst),
	}
}

// TooMany is why a request is refused for now. It is wrapped in a
// [schemas.CodeTooMany].
type TooMany struct {
	// Wait is after what time a request would be let in.
	Wait time.Duration
}

// Error says how long to wait, in whole seconds.
func (t *TooMany) Error() string { return fmt.Sprintf("wait %d s", t.Seconds()) }

// Seconds is Wait, rounded up, as the header Retry-After wants it.
func (t *TooMany) Seconds() int { return int((t.Wait + time.Second - 1) / time.Second) }

// Authenticate says who makes a request, or refuses it with a
// [schemas.CodeUnauthenticated] or a [schemas.CodeTooMany] that wraps a
// [TooMany].
func (g *Gate) Authenticate(r *http.Request) (Principal, error) {
	now := time.Now()
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 {
		return Principal{}, schemas.Errorf(schemas.CodeUnauthenticated, "there is no token: send the header \"Authorization: Bearer tidings_…\"")
	}
	presented, ok := bearer(headers[0])
	t, known, linked := schemas.Token{}, false, false
	if ok && len(headers) == 1 {
		if t, linked = g.options.Links.open(presented, now); !linked {
			t, known = g.options.Lookup(Hash(presented))
		}
		known = known || linked
	}
	if !known || !t.Works(now) {
		if wait := g.wrong.take(origin(r.RemoteAddr), now); wait > 0 {
			return Principal{}, schemas.Errorf(schemas.CodeTooMany, "too many wrong tokens came from this address: %w", &TooMany{wait})
		}
		return Principal{}, schemas.Errorf(schemas.CodeUnauthenticated, "the token is not valid: check it, or ask an administrator for a new one")
	}
	if g.options.Rate > 0 {
		if wait := g.tokens.take(t.ID, now); wait > 0 {
			return Principal{}, schemas.Errorf(schemas.CodeTooMany, "too many requests were made with this token: %w", &TooMany{wait})
		}
	}
	if g.options.Used != nil && !linked && g.tokens.due(t.ID, now, usedEvery) {
		g.options.Used(t.ID, now)
	}
	return Principal{Token: t.ID, Name: t.Name, Scope: t.Scope, Tenant: t.Tenant, User: t.User, Expires: t.Expires, Link: linked}, nil
}

// origin is the network that an address speaks for: the owner of a /64 has all
// of its addresses. An address that does not parse is everybody's.
func origin(remote string) netip.Prefix {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}
	}
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	prefix, _ := addr.Prefix(bits) // bits fits
	return prefix
}
