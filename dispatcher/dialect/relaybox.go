package dialect

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/tidings-dev/tidings/dispatcher/ecmascript"
	"github.com/tidings-dev/tidings/dispatcher/retry"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

// relayBox is RelayBox's webhooks.
//
// The body is {"id", "event", "data", "session", "timestamp"}: id is the
// event's, the same on every attempt and for every endpoint; timestamp is the
// attempt's, so that each has its own signature. The signature is over the
// body's canonical form: see [signing.RelayBoxSignature]. A request that meets
// 429, 500, 502, 503, 504 or no answer within 5 s is tried again after 0.5, 1, 2
// and 4 s; any other answer is final.
//
// What RelayBox's documentation leaves open is chosen here:
//   - An id that is no UUID becomes one, made of the event's source and id.
//   - An event without a session has one whose members are all null.
//   - room:publish has the message's members beside roomId and event, as the
//     documentation shows it ([schemas.ModeSpread]; a message that is no object
//     is the member "message"), or the shape of today's servers
//     ([schemas.ModeBody]).
//   - X-RelayBox-Webhook-Id is the endpoint's id.
func relayBox() Dialect {
	return Dialect{
		Timeout:  5 * time.Second,
		Schedule: retry.Schedule{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second},
		Rules: retry.Rules{
			RetryOn: []int{
				http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
				http.StatusServiceUnavailable, http.StatusGatewayTimeout,
			},
			Exact: true, KeepGone: true,
		},
		Writer: func(e schemas.Endpoint) (Writer, error) {
			return relayBoxWriter{key: newest(e), endpoint: string(e.ID), spread: e.Mode != schemas.ModeBody}, nil
		},
	}
}

type relayBoxWriter struct {
	key, endpoint string
	spread        bool
}

// noSession stands where an event has none: the body "will always follow this
// structure".
const noSession = `{"appPid":null,"keyId":null,"clientId":null,"connectionId":null,"socketId":null,"timestamp":null,"exp":null,"user":null}`

const isoMilliseconds = "2006-01-02T15:04:05.000Z"

func (w relayBoxWriter) Body(a Attempt) ([]byte, error) {
	data, session, err := worded(a)
	if err != nil {
		return nil, err
	}
	if isNull(session) {
		session = []byte(noSession)
	}
	if w.spread && a.Words.Name == "room:publish" {
		data = spread(data)
	}
	content := []byte("null") // an event that tells of its session alone
	if len(data) > 0 {
		content = data.bytes()
	}
	return ecmascript.Stringify(nil, object{}.
		text("id", relayBoxID(a.Delivery)).
		text("event", a.Words.Name).
		raw("data", content).
		raw("session", session).
		text("timestamp", a.At.UTC().Format(isoMilliseconds)).bytes())
}

// spread is {...body, roomId, event}. Of members with one name JSON.stringify
// keeps the last, in the first one's place, as JavaScript's spread does.
func spread(data object) object {
	body := data.get("body")
	o, err := readObject(body)
	if err != nil {
		o = object{}.raw("message", orNull(body))
	}
	return append(o, data.only([]string{"roomId", "event"})...)
}

// relayBoxID is a UUID, as RelayBox's ids are, the same for the same event.
func relayBoxID(d *schemas.Delivery) string {
	id := d.EventID()
	if uuid.Validate(id) == nil && len(id) == 36 {
		return id
	}
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(d.EventSource()+"\n"+id)).String()
}

func (w relayBoxWriter) Head(h http.Header, _ Attempt, body []byte) {
	signature, _ := signing.RelayBoxSignature(w.key, body) // of a body that Body wrote: it parses
	h.Set("Content-Type", mediaJSON)
	h.Set(signing.HeaderRelayBoxSignature, signature)
	h.Set(signing.HeaderRelayBoxID, w.endpoint)
}
