package deliverylog

import (
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tidings-dev/tidings/schemas"
)

// line is a [schemas.Record] whose exchange is left as it is: it is stored so, and to
// decode it would cost as much as all the rest.
type line struct {
	Event   *schemas.EventRecord  `json:"event"`
	Attempt *attemptLine          `json:"attempt"`
	Replay  *schemas.ReplayRecord `json:"replay"`
}

// attemptLine is a [schemas.AttemptRecord].
type attemptLine struct {
	Delivery   schemas.DeliveryID   `json:"delivery"`
	Endpoint   schemas.EndpointID   `json:"endpoint"`
	Event      schemas.EventSummary `json:"of"`
	Attempt    schemas.Attempt      `json:"attempt"`
	Kind       schemas.Kind         `json:"outcome"`
	Reason     schemas.Reason       `json:"why"`
	Next       time.Time            `json:"next"`
	Replay     time.Time            `json:"replay"`
	Exchange   jsontext.Value       `json:"exchange"`
	Dispatcher string               `json:"by"`
}

// jsonOptions take what encoding/json takes, which wrote it.
var jsonOptions = json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

// readLine reports false if a line is no record.
func readLine(text []byte) (l line, ok bool) {
	if json.Unmarshal(text, &l, jsonOptions) != nil {
		return l, false
	}
	set := 0
	for _, is := range []bool{l.Event != nil, l.Attempt != nil, l.Replay != nil} {
		if is {
			set++
		}
	}
	return l, set == 1
}

// The bounds of what a delivery's id can say (see [schemas.DeliveryID]).
const maxUint48 = 1<<48 - 1

// eventOf is an event's key. It reports false if there is no such event.
func eventOf(tenant schemas.TenantID, accepted time.Time, sequence uint64) (eventKey, bool) {
	ms := accepted.UnixMilli()
	return eventKey{tenant, ms, int64(min(sequence, maxUint48))}, ms > 0 && ms <= maxUint48 && sequence <= maxUint48
}

// latest is the last time in nanoseconds since 1970 that 63 bits hold.
var latest = time.Unix(0, math.MaxInt64)

// nanos is a time in nanoseconds since 1970; 0 if it is not from then to 2262.
func nanos(t time.Time) int64 {
	if t.Unix() < 0 || t.After(latest) {
		return 0
	}
	return t.UnixNano()
}

// micros is a time in microseconds since 1970; 0 for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// text makes a string fit for every database: PostgreSQL's have no NUL.
func text[S ~string](s S) string {
	if strings.IndexByte(string(s), 0) < 0 && utf8.ValidString(string(s)) {
		return string(s)
	}
	return strings.ReplaceAll(strings.ToValidUTF8(string(s), "\ufffd"), "\x00", "\ufffd")
}
