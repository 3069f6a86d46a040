package api

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/config/api/document"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/schemas"
)

// API serves /v1, /openapi.json and /openapi.yaml.
type API struct {
	Options
	mux      *http.ServeMux
	watchers atomic.Int64 // who watch what happens
	backlogs *backlogs    // for them
}

// New is the API. All of [Options] that has no default must be set.
func New(o Options) *API {
	a := &API{Options: o.withDefaults(), mux: http.NewServeMux()}
	a.backlogs = newBacklogs(a.lookBacklog)
	paths := map[string]map[string]http.HandlerFunc{}
	for _, r := range a.routes() {
		if paths[r.path] == nil {
			paths[r.path] = map[string]http.HandlerFunc{}
		}
		paths[r.path][r.method] = func(w http.ResponseWriter, req *http.Request) { a.serve(w, req, r) }
	}
	paths["/openapi.json"] = map[string]http.HandlerFunc{http.MethodGet: serveJSON}
	paths["/openapi.yaml"] = map[string]http.HandlerFunc{http.MethodGet: serveYAML}
	for path, methods := range paths {
		a.mux.Handle(path, byMethod(methods))
	}
	a.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, schemas.Errorf(schemas.CodeNotFound, "there is no such route: GET /openapi.json lists them all"))
	})
	return a
}

// ServeHTTP serves one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// byMethod refuses other methods, naming those there are.
func byMethod(methods map[string]http.HandlerFunc) http.Handler {
	allowed := slices.Sorted(maps.Keys(methods))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		if do := methods[method]; do != nil {
			do(w, r)
			return
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		writeProblem(w, schemas.Errorf(codeMethod, "the route has no method %q: use %s", r.Method, strings.Join(allowed, " or ")))
	})
}

// call is one request that was let in.
type call struct {
	r      *http.Request
	who    access.Principal
	tenant schemas.TenantID // of the path; empty if it names none
	body   []byte
}

// reply is what a route answers.
type reply struct {
	status int
	body   any // JSON; nil for none
	// version makes the ETag of a single object; 0 for none.
	version  uint64
	location string
}

// serve takes a request through the steps that all have in common.
func (a *API) serve(w http.ResponseWriter, r *http.Request, to route) {
	began := time.Now()
	kept := &statusWriter{ResponseWriter: w}
	ctx := r.Context()
	var who access.Principal
	defer func() {
		if p := recover(); p != nil {
			// Its value may hold what the request did.
			a.Log.ErrorContext(ctx, "request panicked", "method", to.method, "path", to.path,
				"panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
			if kept.status == 0 {
				writeProblem(kept, errInternal)
			}
		}
		a.Log.DebugContext(ctx, "request", "method", to.method, "path", to.path, "status", kept.status,
			"token", string(who.Token), "duration", time.Since(began))
	}()
	answer, err := a.step(ctx, kept, r, to, &who)
	switch code, known := codeOf(err); {
	case err != nil:
		if (!known || code == schemas.CodeUnavailable) && ctx.Err() == nil { // else the caller has left
			a.Log.WarnContext(ctx, "request could not be served", "method", to.method, "path", to.path, "error", err)
		}
		writeProblem(kept, err)
	case to.stream != nil: // it has written its answer
	default:
		answer.write(kept, r)
	}
}

// step decides who calls, whether they may, and what they get. Nothing is looked
// up before that.
func (a *API) step(ctx context.Context, w http.ResponseWriter, r *http.Request, to route, who *access.Principal) (stored, error) {
	var err error
	if *who, err = a.Gate.Authenticate(r); err != nil {
		return stored{}, err
	}
	c := &call{r: r, who: *who, tenant: schemas.TenantID(r.PathValue("tenant"))}
	if err := c.may(to); err != nil {
		return stored{}, err
	}
	if err := c.asks(to); err != nil {
		return stored{}, err
	}
	if c.body, err = a.readBody(w, r, to); err != nil {
		return stored{}, err
	}
	if err := a.present(ctx, c, to); err != nil {
		return stored{}, err
	}
	if to.stream != nil {
		return stored{}, to.stream(ctx, c, w)
	}
	do := func(ctx context.Context) (stored, error) {
		answer, err := to.do(ctx, c)
		if err != nil {
			return stored{}, err
		}
		a.note(ctx, c, to, answer)
		return answer.encode()
	}
	if key, given := r.Header["Idempotency-Key"]; given && r.Method == http.MethodPost {
		if to.unkept {
			return stored{}, schemas.Errorf(schemas.CodeInvalid, "Idempotency-Key: what this route answers is not kept: leave it out")
		}
		return a.once(ctx, c, to, strings.Join(key, ","), do)
	}
	return do(ctx)
}

func (c *call) may(to route) error {
	if to.right == "" {
		return nil
	}
	if to.organisation && c.who.Scope == schemas.TokenPersonal {
		return c.who.May(access.Admin, c.tenant) // refuses, in the same words
	}
	return c.who.May(to.right, c.tenant)
}

// asks refuses parameters that the route does not have, or that come twice: what was
// mistyped would ask for something else.
func (c *call) asks(to route) error {
	given, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return schemas.Errorf(schemas.CodeInvalid, "the query behind \"?\" cannot be read: write it like name=value&name=value, with %% before what is escaped")
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		shown := strings.ToValidUTF8(name[:min(len(name), schemas.MaxName)], "")
		switch known := slices.Contains(to.query, name); {
		case !known && len(to.query) == 0:
			return document.Invalid(shown, "is no parameter: the route takes none")
		case !known:
			return document.Invalid(shown, "is no parameter of the route: use %s", strings.Join(to.query, ", "))
		case len(given[name]) > 1:
			return document.Invalid(shown, "is there %d times: give it once", len(given[name]))
		}
	}
	return nil
}

// present waits until the picture shows what was written before, and refuses a
// tenant that is not there. Publishing waits only for a tenant that is unknown:
// what else it needs, fanout judges again.
func (a *API) present(ctx context.Context, c *call, to route) error {
	if to.right == access.Publish {
		if _, ok := a.Picture.Tenant(c.tenant); ok {
			return nil
		}
	}
	if err := a.CaughtUp(ctx); err != nil {
		return err
	}
	if c.tenant == "" {
		return nil
	}
	_, err := a.tenant(c.tenant)
	return err
}

func (a *API) tenant(id schemas.TenantID) (registry.Record[schemas.Tenant], error) {
	rec, ok := a.Picture.Tenant(id)
	if !ok {
		return rec, notFound("tenant", string(id))
	}
	return rec, nil
}

func notFound(noun, id string) error {
	return schemas.Errorf(schemas.CodeNotFound, "%s %q does not exist: create it first, or check its id", noun, id)
}

// statusWriter remembers the status for the log.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// Unwrap is for [http.ResponseController].
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader remembers the status.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}
