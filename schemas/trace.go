package schemas

import (
	"encoding/json"
	"strings"
)

const attributeState = attributePrefix + "tracestate"

// CreationContext is the trace context that an event was created in, by the
// distributed-tracing extension of CloudEvents 1.0.2: its attributes traceparent and
// tracestate, unchecked, of a message that may be in binary or structured mode. Both
// are empty if it has none.
func CreationContext(h Header, body []byte) (parent, state string) {
	if media, binary := modeOf(h); !binary || hasPrefixFold(media, mediaStructured) {
		var members struct{ Traceparent, Tracestate string }
		if json.Unmarshal(body, &members) != nil {
			return "", ""
		}
		return members.Traceparent, members.Tracestate
	}
	if parent := attribute(h, attributeTrace); parent != "" { // as Tidings writes it
		return parent, attribute(h, attributeState)
	}
	for name := range h {
		switch {
		case strings.EqualFold(name, attributeTrace):
			parent = attribute(h, name)
		case strings.EqualFold(name, attributeState):
			state = attribute(h, name)
		}
	}
	return parent, state
}
