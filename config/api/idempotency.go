package api

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

const (
	maxIdempotencyKey = 255 // bytes
	// abandoned is after how long a request that never answered may be made again:
	// its process died. Every handler is done long before.
	abandoned = time.Minute
)

// attempt is what is kept, sealed, under an Idempotency-Key.
type attempt struct {
	// Request is a hash of the body and of what says how to read it.
	Request string    `json:"request"`
	Began   time.Time `json:"began"`
	// Answer is nil while the request is under way.
	Answer *stored `json:"answer,omitempty"`
}

// once does what a key asks for one time, and answers the same when it is asked
// again. Only what was done is kept: a refused request may be put right and sent
// under the same key.
func (a *API) once(ctx context.Context, c *call, to route, given string, do func(context.Context) (stored, error)) (stored, error) {
	if given == "" || len(given) > maxIdempotencyKey || strings.ContainsFunc(given, func(r rune) bool { return r < ' ' || r > '~' }) {
		return stored{}, schemas.Errorf(schemas.CodeInvalid, "Idempotency-Key: use 1 to %d printable ASCII characters, a new UUID for each operation", maxIdempotencyKey)
	}
	key := digest(string(c.who.Token), to.method, c.r.URL.Path, given)
	now := attempt{Request: c.fingerprint(), Began: time.Now()}
	revision, err := a.begin(ctx, key, now)
	if err != nil {
		return stored{}, err
	}
	if revision == 0 {
		return a.replay(ctx, key, now)
	}
	settled := false
	keep := context.WithoutCancel(ctx) // the caller may be gone; what was done stays done
	defer func() {
		if !settled { // refused, or panicked: the key is free again
			_ = a.Idempotency.Delete(keep, key, jetstream.LastRevision(revision)) // if not, it is abandoned in a minute
		}
	}()
	answer, err := do(ctx)
	if err != nil {
		return stored{}, err
	}
	now.Answer, settled = &answer, true // if it cannot be kept, the key stays taken rather than let it be done twice
	if _, err := a.Idempotency.Update(keep, key, a.sealed(key, now), revision); err != nil {
		// It was done, and the caller has to hear of it.
		a.Log.WarnContext(ctx, "an answer was not kept under its Idempotency-Key", "path", to.path, "error", err)
	}
	return answer, nil
}

// begin takes the key. The revision is 0 if somebody has it.
func (a *API) begin(ctx context.Context, key string, now attempt) (revision uint64, err error) {
	revision, err = a.Idempotency.Create(ctx, key, a.sealed(key, now))
	if errors.Is(err, jetstream.ErrKeyExists) {
		return 0, nil
	}
	return revision, unavailable(err)
}

// replay is the answer that was given before, if the request is the same.
func (a *API) replay(ctx context.Context, key string, now attempt) (stored, error) {
	before, revision, err := a.before(ctx, key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound): // it was refused just now
		return stored{}, errUnderWay
	case err != nil:
		return stored{}, err
	case before.Request != now.Request:
		return stored{}, schemas.Errorf(codeUnprocessable, "Idempotency-Key: it was used for another request: use a new key for a new operation")
	case before.Answer != nil:
		before.Answer.replayed = true
		return *before.Answer, nil
	case now.Began.Sub(before.Began) < abandoned:
		return stored{}, errUnderWay
	}
	if err := a.Idempotency.Delete(ctx, key, jetstream.LastRevision(revision)); err != nil {
		return stored{}, errUnderWay
	}
	return stored{}, schemas.Errorf(schemas.CodeUnavailable, "Idempotency-Key: the process that had the request is gone")
}

func (a *API) before(ctx context.Context, key string) (before attempt, revision uint64, err error) {
	entry, err := a.Idempotency.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return before, 0, err
	}
	if err != nil {
		return before, 0, unavailable(err)
	}
	plain, err := a.Keys.Open(string(entry.Value()), []byte(key))
	if err != nil {
		return before, 0, err
	}
	return before, entry.Revision(), json.Unmarshal(plain, &before)
}

func (a *API) sealed(key string, v attempt) []byte {
	plain, _ := json.Marshal(v) // strings, times and JSON
	return []byte(a.Keys.Seal(plain, []byte(key)))
}

var errUnderWay = schemas.Errorf(schemas.CodeConflict, "Idempotency-Key: the first request with it is under way: wait for its answer, then ask again")

func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return schemas.Errorf(schemas.CodeUnavailable, "idempotency: %w", err)
}

// fingerprint tells requests apart: the body, and for an event in binary mode the
// headers that are a part of it.
func (c *call) fingerprint() string {
	parts := []string{string(c.body), c.r.Header.Get("Content-Type"), c.r.Header.Get("If-Match"), c.r.URL.RawQuery}
	if c.r.Header.Get("Ce-Specversion") != "" {
		attributes, _ := json.Marshal(ceHeaders(c.r.Header)) // sorted by name
		parts = append(parts, string(attributes))
	}
	return digest(parts...)
}

func ceHeaders(h map[string][]string) map[string][]string {
	found := map[string][]string{}
	for name, values := range h {
		if strings.HasPrefix(name, "Ce-") {
			found[name] = values
		}
	}
	return found
}

// digest hashes parts, each with its length, so that no two lists are the same.
func digest(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write([]byte(part))
	}
	return hex.EncodeToString(h.Sum(nil))
}
