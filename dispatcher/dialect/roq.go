package dialect

import (
	"net/http"
	"strings"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/retry"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

// roq is ROQ's webhooks.
//
// The body is {"name", "id", "object", "data": {"current", "previous"},
// "environmentId"}, and the header roq-platform-webhook-key holds the endpoint's
// newest secret as it is. An answer other than 2xx, or none, is tried again five
// times, 30 minutes × N after the try before.
//
// What ROQ's documentation leaves open is chosen here:
//   - The tenant is the environment: its id is the environmentId, and it has one
//     ROQ endpoint at most.
//   - A removal carries the entity as it was, both as current and as previous.
//   - Without a timeout of its own, an endpoint has 15 s.
//   - "5 times max" are five tries after the first.
func roq() Dialect {
	return Dialect{
		Timeout:  Timeout,
		Schedule: roqSchedule(),
		Rules:    retry.Rules{Exact: true, KeepGone: true},
		Writer: func(e schemas.Endpoint) (Writer, error) {
			key := newest(e)
			if !visible(key) {
				return nil, schemas.Errorf(schemas.CodeInvalid, "secrets[0]: it is sent in a header as it is: use letters, digits and signs of ASCII, without a space or line end around them")
			}
			return roqWriter{key: key, environment: string(e.Tenant)}, nil
		},
	}
}

func roqSchedule() retry.Schedule {
	const tries, step = 5, 30 * time.Minute
	s := make(retry.Schedule, tries)
	for i := range s {
		s[i] = time.Duration(i+1) * step
	}
	return s
}

type roqWriter struct{ key, environment string }

func (w roqWriter) Body(a Attempt) ([]byte, error) {
	data, _, err := worded(a)
	if err != nil {
		return nil, err
	}
	current, previous := data.get("current"), data.get("previous")
	if isNull(current) {
		current = previous
	}
	if isNull(current) {
		return nil, schemas.Errorf(schemas.CodeInvalid, `data has neither "current" nor "previous", which ROQ's dialect needs: publish {"current": …, "previous": …}`)
	}
	change := object{}.raw("current", current).raw("previous", orNull(previous))
	return object{}.
		text("name", a.Words.Name).
		raw("id", entityID(current)).
		text("object", roqObject(a.Words.Name)).
		raw("data", change.bytes()).
		text("environmentId", w.environment).bytes(), nil
}

// entityID is the id as the entity has it, a string as a rule.
func entityID(entity []byte) []byte {
	o, err := readObject(entity)
	if err != nil {
		return orNull(nil)
	}
	return orNull(o.get("id"))
}

// visible reports whether a header carries the text unchanged.
func visible(s string) bool {
	return strings.TrimSpace(s) == s && strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// roqObject is the entity's kind as the event's name has it: between the prefix
// and the action, in camel case. ROQ_USER_INVITE_INSERT speaks of a userInvite.
func roqObject(name string) string {
	words := strings.Split(strings.ToLower(name), "_")
	if len(words) < 3 {
		return strings.ToLower(name)
	}
	words = words[1 : len(words)-1]
	for i, w := range words[1:] {
		if w != "" {
			words[i+1] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, "")
}

func (w roqWriter) Head(h http.Header, _ Attempt, _ []byte) {
	h.Set("Content-Type", mediaJSON)
	h.Set(signing.HeaderROQ, w.key)
}

// newest is the secret that signs where a system has no rotation with overlap;
// "" if the endpoint has none.
func newest(e schemas.Endpoint) string {
	if len(e.Secrets) == 0 {
		return ""
	}
	return e.Secrets[0].Reveal()
}
