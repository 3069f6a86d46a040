package signing

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// MaxBody is the size, in bytes, of the largest body that [Verifier.Handler]
// reads unless it is told otherwise: 1 MiB.
const MaxBody = 1 << 20

// Verifier verifies what one endpoint receives. Make it with [NewVerifier]; it is
// safe for concurrent use. The zero Verifier verifies nothing.
type Verifier struct {
	// Tolerance is how far a request's timestamp may lie from the receiver's
	// clock, either way. Zero means [Tolerance], and one minute for RelayBox, whose
	// documentation suggests 30 s to a minute. Set it before the first use.
	//
	// Requests of ROQ and OneRoute carry no timestamp that is signed: nothing
	// tells one from its replay, whatever the tolerance.
	Tolerance time.Duration
	// MaxBody is the size, in bytes, of the largest body that Handler reads.
	// Zero means [MaxBody]. Set it before the first use.
	MaxBody int64

	usual time.Duration // the dialect's tolerance
	check check         // nil in a zero Verifier
}

// check reports whether a request is in order.
type check func(http.Header, []byte, clock) error

// NewVerifier makes the verifier of an endpoint from its secrets, newest first;
// while a secret is rotated there are several, and any may match. The empty
// dialect is [schemas.DialectStandard]. The dialects and their secrets:
//
//	standard, roam  see [ParseKey]; "whpk_…" will do
//	cloudevents     as standard; of the binary mode only the body is signed, so do
//	                not trust the ce- headers further than the sender's network
//	relaybox        the webhook's signing key, any text
//	oneroute        the secret key, any text
//	roq             the webhook key, any text
//
// It fails if the dialect is unknown, no secret is given or one does not parse:
// with [ErrNoKey] or a [schemas.Error] of [schemas.CodeInvalid].
func NewVerifier(dialect schemas.Dialect, secrets ...string) (*Verifier, error) {
	if err := schemas.ValidateDialect(dialect, ""); err != nil {
		return nil, err
	}
	if len(secrets) == 0 {
		return nil, fmt.Errorf("%w: give the endpoint's secret", ErrNoKey)
	}
	v, newCheck := &Verifier{usual: Tolerance}, newStandard
	switch dialect {
	case schemas.DialectRelayBox:
		v.usual, newCheck = relayBoxTolerance, newRelayBox
	case schemas.DialectOneRoute:
		newCheck = newOneRoute
	case schemas.DialectROQ:
		newCheck = newROQ
	}
	var err error
	v.check, err = newCheck(secrets)
	if err != nil {
		return nil, err
	}
	return v, nil
}

func newStandard(secrets []string) (check, error) {
	keys := make([]Key, len(secrets))
	for i, s := range secrets {
		var err error
		if keys[i], err = ParseKey(s); err != nil {
			return nil, err
		}
	}
	return func(h http.Header, body []byte, c clock) error { return verify(h, body, c, keys) }, nil
}

// Verify reports whether a request came from a holder of one of the secrets, was
// not changed, and is within Tolerance of now. It returns nil if so, and otherwise
// one of the errors of this package, wrapped. Pass the body as it came.
//
// RelayBox and OneRoute sign the value of the body: its white space, the escapes
// in its strings and the spelling of its numbers may have changed (numbers are
// compared as JavaScript reads them, as 64-bit floats), and for RelayBox the order
// of members too. A body that readers may read differently, with a name twice in
// an object for instance, is refused.
func (v *Verifier) Verify(header http.Header, body []byte, now time.Time) error {
	if v.check == nil {
		return fmt.Errorf("%w: make the verifier with NewVerifier", ErrNoKey)
	}
	return v.check(header, body, clock{now, cmp.Or(v.Tolerance, v.usual)})
}

// Handler verifies each request, and passes on those that are in order with their
// body as it came. Others are answered with a plain sentence: 401, or 413 if the
// body is larger than MaxBody. What is not a delivery, like the OPTIONS request of
// CloudEvents' handshake, is not in order: route it elsewhere.
func (v *Verifier) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit := cmp.Or(v.MaxBody, MaxBody)
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &tooLarge):
			http.Error(w, fmt.Sprintf("The body has more than %d bytes.", limit), http.StatusRequestEntityTooLarge)
			return
		case err != nil:
			http.Error(w, "The body did not arrive.", http.StatusBadRequest)
			return
		}
		if err := v.Verify(r.Header, body, time.Now()); err != nil {
			http.Error(w, "This request is not verified: "+kind(err).Error()+".", http.StatusUnauthorized)
			return
		}
		verified := r.WithContext(r.Context()) // a copy: the request is the server's
		verified.Body, verified.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		next.ServeHTTP(w, verified)
	})
}

// kind is the error that err wraps. A stranger is told no more.
func kind(err error) error {
	for _, known := range []error{ErrNoKey, ErrMissingHeader, ErrMalformedHeader, ErrTimestamp, ErrMalformedBody} {
		if errors.Is(err, known) {
			return known
		}
	}
	return ErrSignature
}
