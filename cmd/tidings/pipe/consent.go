package pipe

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/handshake"
	"github.com/tidings-dev/tidings/schemas"
)

// consentPath is where receivers consent later: consentPath + endpoint + "/" +
// token.
const consentPath = "/consents/"

// consentTime is how long a receiver may take to consent.
const consentTime = 24 * time.Hour

// consents makes the callbacks that are offered to receivers, and takes their
// consent there.
type consents struct {
	process *Process
	base    *url.URL // where receivers reach this server
	key     []byte   // the pipe's own: whoever configures an endpoint must not consent for it
}

// startConsents is for a server that receivers can reach.
func (p *Process) startConsents(ctx context.Context) error {
	if p.settings.PublicURL == "" {
		return nil
	}
	base, err := url.Parse(strings.TrimSuffix(p.settings.PublicURL, "/"))
	if err != nil || !base.IsAbs() || base.Host == "" {
		return schemas.Errorf(schemas.CodeInvalid, "--public-url %q: write it like https://hooks.example.com", p.settings.PublicURL)
	}
	key, err := p.secret(ctx, consentSecret)
	p.consents = &consents{process: p, base: base, key: key}
	return err
}

// callback is the URL that a receiver is offered now.
func (c *consents) callback(e schemas.Endpoint) *url.URL {
	return c.base.JoinPath(consentPath, string(e.ID), c.token(e, time.Now().Add(consentTime).Unix()))
}

// token lets whoever was asked consent until then, in Unix seconds.
func (c *consents) token(e schemas.Endpoint, until int64) string {
	mac := hmac.New(sha256.New, c.key)
	_, _ = fmt.Fprintf(mac, "%s\n%s\n%d", e.ID, e.URL, until)
	return strconv.FormatInt(until, 36) + "-" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (c *consents) valid(e schemas.Endpoint, token string) bool {
	stamp, _, _ := strings.Cut(token, "-")
	until, err := strconv.ParseInt(stamp, 36, 64)
	return err == nil && time.Now().Unix() <= until && hmac.Equal([]byte(token), []byte(c.token(e, until)))
}

// handler answers GET and POST of a callback.
func (c *consents) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+consentPath+"{endpoint}/{token}", c.take)
	mux.HandleFunc("POST "+consentPath+"{endpoint}/{token}", c.take)
	return mux
}

func (c *consents) take(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	e, err := c.process.Registry.Endpoint(ctx, schemas.EndpointID(r.PathValue("endpoint")))
	switch {
	case schemas.HasCode(err, schemas.CodeUnavailable):
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	case err != nil || !e.Handshake || !c.valid(e, r.PathValue("token")):
		http.Error(w, "nobody asked for this consent, or it came too late", http.StatusNotFound)
		return
	}
	asked := handshake.Request{Origin: c.process.settings.Origin, Rate: e.Policy.Rate.PerMinute()}
	given, err := handshake.ReadCallback(r.Header, asked)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := c.process.Registry.Agree(ctx, e, schemas.Consent{Origin: asked.Origin, Rate: given.Rate}); err != nil {
		c.process.log.WarnContext(ctx, "consent not stored", "endpoint", e.ID, "error", err)
		http.Error(w, "the consent could not be stored: try again", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("Consent taken: deliveries to this endpoint begin.\n"))
}
