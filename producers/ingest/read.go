package ingest

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/tidings-dev/tidings/schemas"
)

const (
	mediaStructured = "application/cloudevents+json"
	mediaBatch      = "application/cloudevents-batch+json"
	mediaFamily     = "application/cloudevents" // begins every media type of CloudEvents

	headerContentType = "Content-Type"
	headerEncoding    = "Content-Encoding"
	headerVersion     = "Ce-Specversion"
	headerDataType    = "Ce-Datacontenttype"
)

// Read is the events of a request, valid by schemas.ValidateEvent and small
// enough to be published: one, or any number if it is a batch. The errors are
// [*schemas.Error], of CodeInvalid or CodeTooLarge.
func Read(r *http.Request, limits Limits) ([]schemas.Event, error) {
	limits = limits.withDefaults()
	media, err := mediaOf(r.Header)
	if err != nil {
		return nil, err
	}
	body, err := readBody(r, limits.Body)
	if err != nil {
		return nil, err
	}
	switch {
	case media != "" && len(body) == 0:
		return nil, schemas.Errorf(schemas.CodeInvalid, "the request has no body: send what its Content-Type says")
	case media == mediaBatch:
		return readBatch(body, limits)
	}
	e, err := decode(r.Header, body, limits)
	if err != nil {
		return nil, err
	}
	return []schemas.Event{e}, nil
}

// decode reads one event and holds it to the bounds.
func decode(header http.Header, body []byte, limits Limits) (schemas.Event, error) {
	e, err := schemas.DecodeEvent(schemas.Header(header), body)
	if err != nil {
		return schemas.Event{}, err
	}
	if n := len(e.DataEncoded); n > limits.Event {
		return schemas.Event{}, schemas.Errorf(schemas.CodeTooLarge, "event %.100q: its data has %d bytes: use at most %d", e.ID(), n, limits.Event)
	}
	// What cannot be encoded cannot be published: better to know before the
	// first event of a batch is.
	if _, _, err := schemas.EncodeEvent(&e); err != nil {
		return schemas.Event{}, err
	}
	return e, nil
}

// mediaOf is the media type, without parameters, and "" if the request is in
// binary mode. It refuses a request whose header alone is enough to.
func mediaOf(h http.Header) (string, error) {
	for _, name := range []string{headerContentType, headerEncoding, headerVersion} {
		if len(h.Values(name)) > 1 {
			return "", schemas.Errorf(schemas.CodeInvalid, "header %s is there twice: give it once", name)
		}
	}
	if encoding := h.Get(headerEncoding); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return "", schemas.Errorf(schemas.CodeInvalid, "Content-Encoding %q is not read: send the body as it is, without Content-Encoding", encoding)
	}
	contentType := h.Get(headerContentType)
	media, parameters, err := mime.ParseMediaType(contentType)
	if contentType != "" && err != nil {
		return "", schemas.Errorf(schemas.CodeInvalid, "Content-Type %q does not parse (%w): write it like \"application/json\"", contentType, err)
	}
	if charset := parameters["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "us-ascii") {
		return "", schemas.Errorf(schemas.CodeInvalid, "Content-Type has the charset %q: JSON is UTF-8, send it so", charset)
	}
	switch {
	case media == mediaBatch, media == mediaStructured:
		return media, nil
	case strings.HasPrefix(media, mediaFamily):
		return "", schemas.Errorf(schemas.CodeInvalid, "Content-Type %q is not read: use %q, or %q for a batch", contentType, mediaStructured, mediaBatch)
	case h.Get(headerVersion) == "":
		return "", schemas.Errorf(schemas.CodeInvalid,
			"the request holds no CloudEvent: send the headers ce-specversion, ce-id, ce-source and ce-type, or the Content-Type %q (%q for a batch)", mediaStructured, mediaBatch)
	case len(h.Values(headerDataType)) > 0:
		return "", schemas.Errorf(schemas.CodeInvalid, "header ce-datacontenttype: over HTTP it is Content-Type that says it: leave ce-datacontenttype out")
	}
	return "", nil
}

func readBody(r *http.Request, limit int64) ([]byte, error) {
	tooLarge := schemas.Errorf(schemas.CodeTooLarge, "the body has more than %d bytes: send less at once", limit)
	switch {
	case r.ContentLength > limit:
		return nil, tooLarge
	case r.Body == nil:
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	var bound *http.MaxBytesError // the caller's own, if it is lower
	switch {
	case errors.As(err, &bound):
		return nil, schemas.Errorf(schemas.CodeTooLarge, "the body has more than %d bytes: send less at once", bound.Limit)
	case err != nil:
		return nil, schemas.Errorf(schemas.CodeInvalid, "the body ended too early: %w", err)
	case int64(len(body)) > limit:
		return nil, tooLarge
	}
	return body, nil
}
