package schemas

import (
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Secret is a signing secret as its owner knows it ("whsec_…"). However it is
// printed, logged or marshalled it reads "<secret>"; only Reveal shows it.
type Secret struct {
	// Two pointers differ though the secrets are the same, so == does not compile.
	_ [0]func()
	// fmt does not ask the methods of an unexported field of somebody's struct:
	// of a pointer it prints the address.
	value *string
	// Expires is when it stops signing; the zero time is never.
	Expires time.Time
}

const redacted = "<secret>"

// NewSecret wraps a secret.
func NewSecret(value string) Secret { return Secret{value: &value} }

// Reveal is the secret itself. Call it where bytes are signed or the secret is
// stored, nowhere else.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Until is the same secret, which expires then.
func (s Secret) Until(t time.Time) Secret {
	s.Expires = t
	return s
}

// Works reports whether the secret signs at that time.
func (s Secret) Works(now time.Time) bool { return s.Expires.IsZero() || now.Before(s.Expires) }

// Format hides the secret from every verb of fmt.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String hides the secret.
func (s Secret) String() string { return redacted }

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return redacted }

// MarshalText hides the secret from JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue hides the secret from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
