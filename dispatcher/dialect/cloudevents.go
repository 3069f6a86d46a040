package dialect

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/tidings-dev/tidings/dispatcher/retry"
	"github.com/tidings-dev/tidings/schemas"
)

// cloudEvents is CloudEvents 1.0.2 in its HTTP binding, in one of three content
// modes:
//
//   - structured: the event as JSON. The data is the bytes its producer wrote;
//     an event without data has no "data".
//   - binary: the data is the body, and the attributes are headers. An event
//     without data has an empty body, which the binding allows and HTTP 1.1 Web
//     Hooks for Event Delivery 1.0.2, section 2.1, does not. Attributes may take
//     [schemas.MaxAttributesSize], more than many servers accept as headers.
//   - batched: structured events in a JSON array, which holds one event. The
//     binding wants this mode solicited: choosing it for the endpoint does.
//
// Every attribute appears. Extensions are strings: one that was published as a
// number or a boolean is its canonical text. An event without a time is sent
// without one.
//
// All modes are signed as Standard Webhooks 1.0.0 has it. That covers the body,
// so in binary mode the attributes are NOT signed: a receiver that must trust
// them takes another mode.
//
// Answers are read as Standard Webhooks reads them, which agrees with Web Hooks
// for Event Delivery, section 2.2: 2xx delivers, no redirect is followed, 410
// ends, 429 waits for Retry-After. 415, by which a receiver says that it does
// not understand the format, is retried like any 4xx: a receiver can learn.
func cloudEvents() Dialect {
	return Dialect{
		Timeout:  Timeout,
		Schedule: retry.Standard(),
		Writer: func(e schemas.Endpoint) (Writer, error) {
			keys, err := parseKeys(e)
			w := cloudEventsWriter{keys: keys, mode: e.Mode}
			if e.Consent != nil {
				w.origin = e.Consent.Origin
			}
			return w, err
		},
	}
}

const (
	mediaEvent = "application/cloudevents+json"
	mediaBatch = "application/cloudevents-batch+json"

	// mediaEvents is how a receiver tells the other modes from binary mode (HTTP
	// binding, section 3).
	mediaEvents = "application/cloudevents"

	headerMediaType = "ce-datacontenttype"
	headerOrigin    = "WebHook-Request-Origin"
)

type cloudEventsWriter struct {
	keys   webhookKeys
	mode   schemas.Mode
	origin string // which the receiver has agreed to; empty if it was not asked
}

// Body is the data alone in binary mode, and an event or an array of one in the
// others.
func (w cloudEventsWriter) Body(a Attempt) ([]byte, error) {
	switch w.modeFor(a.Delivery) {
	case schemas.ModeBinary:
		return a.Delivery.Data, nil
	case schemas.ModeBatched:
		b, err := appendEvent([]byte{'['}, a.Delivery)
		return append(b, ']'), err
	default:
		return appendEvent(nil, a.Delivery)
	}
}

// Head sets WebHook-Request-Origin where the receiver has agreed to one, as each
// delivery must carry it then (Web Hooks for Event Delivery, section 2.1).
func (w cloudEventsWriter) Head(h http.Header, a Attempt, body []byte) {
	switch w.modeFor(a.Delivery) {
	case schemas.ModeBinary:
		headAttributes(h, a.Delivery)
	case schemas.ModeBatched:
		h.Set("Content-Type", mediaBatch)
	default:
		h.Set("Content-Type", mediaEvent)
	}
	if w.origin != "" {
		h.Set(headerOrigin, w.origin)
	}
	w.keys.sign(h, a, body)
}

// modeFor is the endpoint's mode, but for data that is itself a CloudEvent: in
// binary mode its Content-Type would make receivers take it for the event.
func (w cloudEventsWriter) modeFor(d *schemas.Delivery) schemas.Mode {
	if w.mode != schemas.ModeBinary {
		return w.mode
	}
	media := strings.TrimSpace(d.DataContentType())
	if len(media) >= len(mediaEvents) && strings.EqualFold(media[:len(mediaEvents)], mediaEvents) {
		return schemas.ModeStructured
	}
	return w.mode
}

// headAttributes sets the attributes as the delivery has them: the NATS binding
// names and percent-encodes them as the HTTP binding does (section 3.1.3), but
// for datacontenttype, which is Content-Type here, as it is.
func headAttributes(h http.Header, d *schemas.Delivery) {
	for name, values := range d.Event {
		if name != headerMediaType {
			h[name] = values
		}
	}
	if media := d.DataContentType(); media != "" {
		h.Set("Content-Type", media)
	}
}

// appendEvent writes the event in the JSON format of CloudEvents. The data needs
// no parsing: all that Tidings accepts is JSON, and says so in its type.
func appendEvent(b []byte, d *schemas.Delivery) ([]byte, error) {
	attributes := d.Attributes()
	const member = len(`"datacontenttype":"application/json",`)
	if b == nil {
		b = make([]byte, 0, len(attributes)*member+len(d.Data))
	}
	for i, a := range attributes {
		value, err := json.Marshal(a.Value)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			b = append(b, '{')
		} else {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, a.Name...) // a-z and 0-9: nothing to escape
		b = append(b, `":`...)
		b = append(b, value...)
	}
	if len(d.Data) > 0 {
		b = append(b, `,"data":`...)
		b = append(b, d.Data...)
	}
	return append(b, '}'), nil
}
