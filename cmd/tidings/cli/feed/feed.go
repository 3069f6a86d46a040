package feed

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/tidings-dev/tidings/schemas"
)

// mediaEvent is a CloudEvent in JSON.
const mediaEvent = "application/cloudevents+json"

// Feed reads events one after the other: of a JSON list, or of JSON objects that
// follow one another, as in NDJSON.
type Feed struct {
	d     *json.Decoder
	list  bool // the events are elements of a list
	count int  // read so far
}

// New looks at how the input begins.
func New(in io.Reader) (*Feed, error) {
	r := bufio.NewReader(in)
	for {
		c, _, err := r.ReadRune()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("there is no event in it")
		}
		if err != nil {
			return nil, err
		}
		if unicode.IsSpace(c) || c == '\ufeff' {
			continue
		}
		if err := r.UnreadRune(); err != nil {
			return nil, err
		}
		f := &Feed{d: json.NewDecoder(r), list: c == '['}
		if f.list {
			_, err = f.d.Token()
		}
		return f, err
	}
}

// Next is the next event, checked, or [io.EOF]. An error says which event it is, from
// 1.
func (f *Feed) Next() (json.RawMessage, error) {
	if f.list && !f.d.More() {
		if _, err := f.d.Token(); err != nil {
			return nil, f.wrong(err)
		}
		if _, err := f.d.Token(); !errors.Is(err, io.EOF) {
			return nil, errors.New("there is something after the list: remove it")
		}
		return nil, io.EOF
	}
	var raw json.RawMessage
	err := f.d.Decode(&raw)
	if errors.Is(err, io.EOF) && !f.list {
		return nil, io.EOF
	}
	if err != nil {
		return nil, f.wrong(err)
	}
	if err := checkEvent(raw); err != nil {
		return nil, f.wrong(err)
	}
	f.count++
	return raw, nil
}

// Count is how many events were read so far.
func (f *Feed) Count() int { return f.count }

func (f *Feed) wrong(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("event %d: %w", f.count+1, err)
}

// checkEvent refuses what is no CloudEvent in JSON: better here than in the middle.
func checkEvent(raw json.RawMessage) error {
	_, err := decodeEvent(raw)
	return err
}

func decodeEvent(raw json.RawMessage) (event.Event, error) {
	if !bytes.HasPrefix(raw, []byte("{")) {
		return event.Event{}, errors.New("is no object: write CloudEvents, like {\"specversion\": \"1.0\", \"id\": …}")
	}
	e, err := schemas.DecodeEvent(schemas.Header{"Content-Type": {mediaEvent}}, raw)
	return e, err
}
