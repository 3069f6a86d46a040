package schemas

import "log/slog"

// Secret is a signing secret as its owner knows it ("whsec_…"). However it is
// printed, logged or marshalled it reads "<secret>"; only Reveal shows it.
type Secret struct{ value string }

const redacted = "<secret>"

// NewSecret wraps a secret.
func NewSecret(value string) Secret { return Secret{value: value} }

// Reveal is the secret itself. Call it where bytes are signed or the secret is
// stored, nowhere else.
func (s Secret) Reveal() string { return s.value }

// String hides the secret.
func (s Secret) String() string { return redacted }

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return redacted }

// MarshalText hides the secret from JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue hides the secret from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
