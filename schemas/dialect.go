package schemas

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Dialect names how one webhook system words, signs and retries a delivery.
type Dialect string

// The dialects. The open ones carry every event type; the others those that the
// catalogue gives a name in them.
const (
	DialectStandard    Dialect = "standard"    // Standard Webhooks 1.0.0
	DialectCloudEvents Dialect = "cloudevents" // CloudEvents 1.0.2, HTTP binding
	DialectROQ         Dialect = "roq"
	DialectOneRoute    Dialect = "oneroute"
	DialectRoam        Dialect = "roam" // Roam HQ Events API, v0
	DialectRelayBox    Dialect = "relaybox"
)

// Dialects are all of them.
func Dialects() []Dialect {
	return []Dialect{DialectStandard, DialectCloudEvents, DialectROQ, DialectOneRoute, DialectRoam, DialectRelayBox}
}

// Open reports whether the dialect carries every event type. The empty dialect
// is [DialectStandard].
func (d Dialect) Open() bool {
	return d == "" || d == DialectStandard || d == DialectCloudEvents
}

// Mode is one of several forms of a dialect. Empty means the first of
// [Dialect.Modes].
type Mode string

const (
	// The content modes of the CloudEvents HTTP binding, section 3.
	ModeStructured Mode = "structured"
	ModeBinary     Mode = "binary"
	ModeBatched    Mode = "batched"

	// The shapes RelayBox has given room:publish: the message's members beside
	// roomId and event, as its documentation shows; or {id, body, roomId,
	// timestamp, event}, as its servers have sent since November 2024.
	ModeSpread Mode = "spread"
	ModeBody   Mode = "body"
)

// Modes are the forms a dialect has, the default first; nil if it has one only.
func (d Dialect) Modes() []Mode {
	switch d {
	case DialectCloudEvents:
		return []Mode{ModeStructured, ModeBinary, ModeBatched}
	case DialectRelayBox:
		return []Mode{ModeSpread, ModeBody}
	default:
		return nil
	}
}

// ValidateDialect says what is wrong with a dialect and its mode; either may be
// empty.
func ValidateDialect(d Dialect, m Mode) error {
	if d != "" && !slices.Contains(Dialects(), d) {
		return Errorf(CodeInvalid, "dialect %q is unknown: use %s", d, list(Dialects()))
	}
	d = cmp.Or(d, DialectStandard)
	switch modes := d.Modes(); {
	case m == "" || slices.Contains(modes, m):
		return nil
	case modes == nil:
		return Errorf(CodeInvalid, "mode %q: dialect %q has one form only: leave mode out", m, d)
	default:
		return Errorf(CodeInvalid, "mode %q is unknown to dialect %q: use %s", m, d, list(modes))
	}
}

func list[S ~string](words []S) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = fmt.Sprintf("%q", w)
	}
	return strings.Join(quoted, ", ")
}
