// Package sealed writes an endpoint as the registry stores it: in JSON, where all
// that is secret of it, its signing secrets and the values of its headers, is one
// text that package seal made. The text is about the endpoint and its tenant, so
// it opens in no other record.
package sealed

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/tidings-dev/tidings/config/seal"
	"github.com/tidings-dev/tidings/schemas"
)

// stored is an endpoint as it is stored.
type stored struct {
	*schemas.Endpoint
	Sealed string `json:"sealed,omitempty"`
}

// confidential is what is sealed.
type confidential struct {
	Secrets []openSecret          `json:"secrets,omitempty"`
	Headers map[string]openSecret `json:"headers,omitempty"`
}

type openSecret struct {
	Value   string    `json:"value"`
	Expires time.Time `json:"expires,omitzero"`
}

func reveal(s schemas.Secret) openSecret { return openSecret{s.Reveal(), s.Expires} }

func (s openSecret) hide() schemas.Secret { return schemas.NewSecret(s.Value).Until(s.Expires) }

func about(e *schemas.Endpoint) []byte {
	return []byte("endpoint " + string(e.ID) + " of " + string(e.Tenant))
}

// ErrNoKeys is why a process without keys writes no endpoint.
var ErrNoKeys = schemas.Errorf(schemas.CodeUnavailable, "this process has no key to seal secrets with: give it the key file")

// Encode seals what is secret of an endpoint.
func Encode(keys *seal.Keyring, e schemas.Endpoint) ([]byte, error) {
	if keys == nil {
		return nil, ErrNoKeys
	}
	var c confidential
	for _, s := range e.Secrets {
		c.Secrets = append(c.Secrets, reveal(s))
	}
	for name, value := range e.Headers {
		if c.Headers == nil {
			c.Headers = make(map[string]openSecret, len(e.Headers))
		}
		c.Headers[name] = reveal(value)
	}
	e.Secrets, e.Headers = nil, nil
	rec := stored{Endpoint: &e}
	if c.Secrets != nil || c.Headers != nil {
		plain, err := json.Marshal(c)
		if err != nil {
			return nil, err
		}
		rec.Sealed = keys.Seal(plain, about(&e))
	}
	return json.Marshal(rec)
}

// Decode opens it; without keys the endpoint has no secrets and no headers. Text
// is what was sealed, also if it does not open; empty if nothing was. An error
// repeats nothing of what is sealed.
func Decode(keys *seal.Keyring, b []byte) (e *schemas.Endpoint, text string, err error) {
	rec := stored{Endpoint: &schemas.Endpoint{}}
	if err := json.Unmarshal(b, &rec); err != nil {
		return nil, "", err
	}
	e = rec.Endpoint
	e.Secrets, e.Headers = nil, nil // nobody's but what is sealed
	if rec.Sealed == "" || keys == nil {
		return e, rec.Sealed, nil
	}
	plain, err := keys.Open(rec.Sealed, about(e))
	if err != nil {
		return nil, rec.Sealed, err
	}
	var c confidential
	if err := json.Unmarshal(plain, &c); err != nil {
		return nil, rec.Sealed, errors.New("what is sealed in it is of another form") // the parser's error may repeat it
	}
	for _, s := range c.Secrets {
		e.Secrets = append(e.Secrets, s.hide())
	}
	for name, value := range c.Headers {
		if e.Headers == nil {
			e.Headers = make(map[string]schemas.Secret, len(c.Headers))
		}
		e.Headers[name] = value.hide()
	}
	return e, rec.Sealed, nil
}

// Text is what is sealed of a record; empty if nothing is, or if it does not
// parse: whoever decodes it says so.
func Text(b []byte) string {
	var rec struct {
		Sealed string `json:"sealed"`
	}
	if err := json.Unmarshal(b, &rec); err != nil {
		return ""
	}
	return rec.Sealed
}
