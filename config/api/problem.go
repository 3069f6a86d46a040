package api

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/config/api/document"
	"github.com/tidings-dev/tidings/schemas"
)

// Codes that only HTTP has.
const (
	codeMethod        schemas.Code = "method_not_allowed"
	codeMedia         schemas.Code = "unsupported_media_type"
	codeUnprocessable schemas.Code = "unprocessable"
	codeInternal      schemas.Code = "internal"
)

// statuses is the one table from codes to HTTP statuses.
var statuses = map[schemas.Code]int{
	schemas.CodeInvalid:         http.StatusBadRequest,
	schemas.CodeUnauthenticated: http.StatusUnauthorized,
	schemas.CodeForbidden:       http.StatusForbidden,
	schemas.CodeNotFound:        http.StatusNotFound,
	codeMethod:                  http.StatusMethodNotAllowed,
	schemas.CodeConflict:        http.StatusConflict,
	schemas.CodeStale:           http.StatusPreconditionFailed,
	schemas.CodeTooLarge:        http.StatusRequestEntityTooLarge,
	codeMedia:                   http.StatusUnsupportedMediaType,
	codeUnprocessable:           http.StatusUnprocessableEntity,
	schemas.CodeTooMany:         http.StatusTooManyRequests,
	codeInternal:                http.StatusInternalServerError,
	schemas.CodeUnavailable:     http.StatusServiceUnavailable,
	schemas.CodeFull:            http.StatusInsufficientStorage,
}

// errInternal is what a caller hears of a mistake in Tidings.
var errInternal = schemas.Errorf(codeInternal, "Tidings made a mistake, and has logged it: try again, and tell the operator if it stays")

// problem is a body of RFC 9457. Its type is about:blank, so the title is the
// status's.
type problem struct {
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail"`
	Code   schemas.Code `json:"code"`
	// Field is the member of the body that is wrong.
	Field string `json:"field,omitempty"`
}

// codeOf is the outermost code of an error, and whether it has one.
func codeOf(err error) (schemas.Code, bool) {
	if e, ok := errors.AsType[*schemas.Error](err); ok && statuses[e.Code] != 0 {
		return e.Code, true
	}
	return codeInternal, false
}

// writeProblem says what is wrong. An error without a code is not the caller's to
// read.
func writeProblem(w http.ResponseWriter, err error) {
	code, known := codeOf(err)
	if !known {
		err = errInternal
	}
	if code == schemas.CodeUnavailable { // its text names our own machines and records
		err = schemas.Errorf(code, "the storage behind the API did not answer, and nothing was decided: try again in a moment")
	}
	p := problem{Title: http.StatusText(statuses[code]), Status: statuses[code], Detail: err.Error(), Code: code}
	if f, ok := errors.AsType[*document.Error](err); ok {
		p.Field = f.Field
	}
	h := w.Header()
	if wait, ok := errors.AsType[*access.TooMany](err); ok {
		h.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(wait.Wait.Seconds())))))
	}
	if errors.Is(err, errUnderWay) {
		h.Set("Retry-After", "1")
	}
	switch code {
	case schemas.CodeUnauthenticated:
		h.Set("WWW-Authenticate", `Bearer realm="tidings"`)
	case schemas.CodeUnavailable:
		h.Set("Retry-After", "1")
	case schemas.CodeFull:
		h.Set("Retry-After", fullWait)
	}
	body, _ := json.Marshal(p) // strings and a number
	send(w, p.Status, "application/problem+json", body)
}

// ofNew is an error of making an object, without the id that it would have got: nobody
// knows that, and it names nothing.
func ofNew(noun, id string, err error) error {
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok {
		return err
	}
	message, named := strings.CutPrefix(err.Error(), noun+" "+id+": ")
	if !named {
		return err
	}
	short := *e // with its cause, of which the answer's headers may be
	short.Message = message
	if f, ok := errors.AsType[*document.Error](err); ok {
		return &document.Error{Field: f.Field, Err: &short}
	}
	return &short
}

// fullWait is how long a caller is to wait for somebody to make room, in seconds.
const fullWait = "30"

func send(w http.ResponseWriter, status int, mediaType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may have gone
}
