package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/tidings-dev/tidings/schemas"
)

// structuredHeader is that of an event in a batch.
var structuredHeader = http.Header{headerContentType: {mediaStructured}}

// readBatch reads a list of events (JSON format 1.0.2, section 4), which may be
// empty. It stops at the first event that is wrong.
func readBatch(body []byte, limits Limits) ([]schemas.Event, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	if first, err := d.Token(); err != nil || first != json.Delim('[') {
		return nil, schemas.Errorf(schemas.CodeInvalid, "the body is no batch: send a JSON list of events, like [{\"specversion\": \"1.0\", …}]")
	}
	events := []schemas.Event{}
	for i := 0; d.More(); i++ {
		if i == limits.Batch {
			return nil, schemas.Errorf(schemas.CodeTooLarge, "the batch has more than %d events: send fewer at once", limits.Batch)
		}
		e, err := readElement(d, limits)
		if err != nil {
			code := schemas.CodeInvalid
			if schemas.HasCode(err, schemas.CodeTooLarge) {
				code = schemas.CodeTooLarge
			}
			return nil, schemas.Errorf(code, "events[%d]: %w", i, err)
		}
		events = append(events, e)
	}
	if _, err := d.Token(); err != nil { // the closing bracket
		return nil, schemas.Errorf(schemas.CodeInvalid, "the batch is not valid JSON: %w", whole(err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, schemas.Errorf(schemas.CodeInvalid, "the batch has something after its last bracket: remove it")
	}
	return events, nil
}

func readElement(d *json.Decoder, limits Limits) (schemas.Event, error) {
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return schemas.Event{}, schemas.Errorf(schemas.CodeInvalid, "not valid JSON: %w", whole(err))
	}
	if raw[0] != '{' {
		return schemas.Event{}, schemas.Errorf(schemas.CodeInvalid, "not an object: an event is one")
	}
	return decode(structuredHeader, raw, limits)
}

// whole gives the end of the input, which a decoder reports like the end of a
// stream, its name.
func whole(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
