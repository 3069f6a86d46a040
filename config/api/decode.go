package api

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/tidings-dev/tidings/config/api/document"
	"github.com/tidings-dev/tidings/schemas"
)

const (
	mediaJSON  = "application/json"
	mediaPatch = "application/merge-patch+json"
)

// readBody reads the body whole, within the route's bound.
func (a *API) readBody(w http.ResponseWriter, r *http.Request, to route) ([]byte, error) {
	if to.method == http.MethodGet || to.method == http.MethodDelete {
		return nil, nil // a body has no meaning there (RFC 9110, sections 9.3.1 and 9.3.5)
	}
	limit := a.MaxConfig
	if to.events {
		limit = a.MaxEvents
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, schemas.Errorf(schemas.CodeTooLarge, "the body has more than %d bytes: send less, or in several requests", limit)
	}
	if err != nil {
		return nil, schemas.Errorf(schemas.CodeInvalid, "the body broke off: send it again")
	}
	r.Body = io.NopCloser(bytes.NewReader(body)) // for who reads events
	if to.events || len(body) == 0 {
		return body, nil
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != mediaJSON && (media != mediaPatch || r.Method != http.MethodPatch) {
		return nil, schemas.Errorf(codeMedia, "Content-Type %q: send %s", r.Header.Get("Content-Type"), mediaJSON)
	}
	return body, nil
}

// decode reads the body into v, a pointer to a struct. Members v has no field
// for are refused; names are compared exactly. An empty body is an empty object.
func (c *call) decode(v any) error {
	if len(c.body) == 0 {
		return nil
	}
	return document.Decode(c.body, v)
}
