package roam

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/config/audit"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// Options say what a handler works with. All but the last four are needed.
type Options struct {
	Registry  *registry.Registry
	Gate      *access.Gate
	Catalogue *catalogue.Catalogue
	// CheckURL refuses a URL that deliveries may not go to. By default it asks for
	// https, as Roam does.
	CheckURL func(*url.URL) error
	// Make refuses an endpoint too many; done is called when it is made, or is not
	// after all. Nothing is refused by default.
	Make func(context.Context, schemas.TenantID, schemas.EndpointID) (done func(), err error)
	// Note keeps who changed what. Nothing is kept by default.
	Note func(context.Context, audit.Entry)
	// OrganizationOnly refuses personal tokens, as the pages of Roam's two endpoints
	// say; its overview says that both work, and they do by default.
	OrganizationOnly bool
	// Log hears of what is answered with 500. Nothing is logged by default.
	Log *slog.Logger
}

// maxBody bounds a request's body, in bytes: far more than any that is valid has.
const maxBody = 64 << 10

type handler struct{ Options }

// New serves the paths below /v0/.
func New(o Options) http.Handler {
	if o.CheckURL == nil {
		o.CheckURL = onlyHTTPS
	}
	if o.Make == nil {
		o.Make = func(context.Context, schemas.TenantID, schemas.EndpointID) (func(), error) { return func() {}, nil }
	}
	if o.Note == nil {
		o.Note = func(context.Context, audit.Entry) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &handler{o}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v0/webhook.subscribe", h.subscribe)
	mux.HandleFunc("POST /v0/webhook.unsubscribe", h.unsubscribe)
	for _, path := range []string{"/v0/webhook.subscribe", "/v0/webhook.unsubscribe"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", http.MethodPost)
			refuse(w, http.StatusMethodNotAllowed, "use POST")
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "there is nothing here: use /v0/webhook.subscribe or /v0/webhook.unsubscribe")
	})
	return mux
}

// caller is an API client.
type caller struct {
	tenant schemas.TenantID
	user   []string // empty for the organisation's
	who    access.Principal
}

// owner is how records name the client's user; empty for the organisation.
func (c caller) owner() string {
	if len(c.user) == 0 {
		return ""
	}
	return c.user[0]
}

// caller is who calls. An error of [schemas.CodeForbidden] means that it is no
// API client of Roam's kind.
func (h *handler) caller(r *http.Request) (caller, error) {
	p, err := h.Gate.Authenticate(r)
	if err != nil {
		return caller{}, err
	}
	switch {
	case p.Scope == schemas.TokenPersonal && h.OrganizationOnly:
		return caller{}, schemas.Errorf(schemas.CodeForbidden, "personal tokens may not use webhooks here: use a token of the scope %s", schemas.TokenWrite)
	case p.Scope == schemas.TokenWrite:
		return caller{tenant: p.Tenant, who: p}, nil
	case p.Scope == schemas.TokenPersonal && len(p.User) > 0:
		return caller{tenant: p.Tenant, user: p.User, who: p}, nil
	}
	return caller{}, schemas.Errorf(schemas.CodeForbidden, "a token of the scope %s may not use webhooks: use one of the scope %s or %s", p.Scope, schemas.TokenWrite, schemas.TokenPersonal)
}

// note keeps that a call changed a subscription, with the members that it named.
func (h *handler) note(r *http.Request, c caller, id schemas.SubscriptionID, fields []string, status int) {
	h.Note(r.Context(), audit.Entry{
		At: time.Now().UTC().Truncate(time.Millisecond), Token: c.who.Token, Name: c.who.Name, Scope: c.who.Scope, Tenant: c.tenant,
		Method: r.Method, Action: r.URL.Path, Object: "/v1/tenants/" + string(c.tenant) + "/subscriptions/" + string(id), Fields: fields, Status: status,
	})
}

// fail answers with the error, in the statuses that Roam's documents have.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	var (
		own  *schemas.Error
		many *access.TooMany
	)
	code := schemas.CodeUnavailable
	if errors.As(err, &own) {
		code = own.Code
	}
	switch code {
	case schemas.CodeInvalid, schemas.CodeTooLarge, schemas.CodeConflict:
		refuse(w, http.StatusBadRequest, own.Message)
	case schemas.CodeUnauthenticated, schemas.CodeForbidden:
		w.Header().Set("WWW-Authenticate", "Bearer")
		refuse(w, http.StatusUnauthorized, own.Message)
	case schemas.CodeTooMany:
		if errors.As(err, &many) {
			w.Header().Set("Retry-After", strconv.Itoa(many.Seconds()))
		}
		refuse(w, http.StatusTooManyRequests, own.Message)
	default: // the text is the operator's business
		h.Log.ErrorContext(r.Context(), "roam: request failed", "path", r.URL.Path, "error", err)
		refuse(w, http.StatusInternalServerError, "internal error: try again later")
	}
}

func refuse(w http.ResponseWriter, status int, text string) {
	answer(w, status, struct {
		Error string `json:"error"`
	}{text})
}

// answer writes a body as JavaScript does: without escapes for HTML, without a
// line's end.
func answer(w http.ResponseWriter, status int, body any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(body) // texts and maps of texts
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(bytes.TrimSuffix(b.Bytes(), []byte("\n"))) // the client may have gone
}
