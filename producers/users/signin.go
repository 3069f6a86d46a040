package users

import (
	"context"
	"time"

	"github.com/tidings-dev/tidings/producers"
)

// Identity is a way in which a provider knows a user.
type Identity = producers.Identity

// Factor is a second proof of who a user is.
type Factor struct {
	ID         string    `json:"id"`
	Type       string    `json:"type"` // like "totp"
	VerifiedAt time.Time `json:"verifiedAt"`
}

// MarshalJSON is how a factor travels.
func (f Factor) MarshalJSON() ([]byte, error) { return producers.Encode(f) }

// SignUp is the data of [SignedUp].
type SignUp struct {
	Identities []Identity         `json:"identities"`
	Session    *producers.Session `json:"session,omitzero" unix:"ms"`
}

// MarshalJSON is how a sign-up travels.
func (s SignUp) MarshalJSON() ([]byte, error) { return producers.Encode(s) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *SignUp) UnmarshalJSON(data []byte) error { return producers.Decode(data, s) }

// SignIn is the data of [Verified] and [SignedIn].
type SignIn struct {
	Identities []Identity         `json:"identities"`
	Factors    []Factor           `json:"factors"`
	MFAEnabled bool               `json:"authMfaEnabled"`
	Email      string             `json:"email"`
	VerifiedAt time.Time          `json:"verifiedAt"` // when Email was
	Session    *producers.Session `json:"session,omitzero" unix:"ms"`
}

// MarshalJSON is how a sign-in travels.
func (s SignIn) MarshalJSON() ([]byte, error) { return producers.Encode(s) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *SignIn) UnmarshalJSON(data []byte) error { return producers.Decode(data, s) }

// SignedUp publishes that the user of that id registered.
func SignedUp(ctx context.Context, to producers.Sink, userID string, s SignUp) (producers.Receipt, error) {
	return producers.Send(ctx, to, "user.signed_up", userID, s)
}

// Verified publishes that the user of that id proved that an identity is theirs.
func Verified(ctx context.Context, to producers.Sink, userID string, s SignIn) (producers.Receipt, error) {
	return producers.Send(ctx, to, "user.verified", userID, s)
}

// SignedIn publishes that the user of that id signed in.
func SignedIn(ctx context.Context, to producers.Sink, userID string, s SignIn) (producers.Receipt, error) {
	return producers.Send(ctx, to, "user.signed_in", userID, s)
}

// Connection is the data of [SessionInitialized]. The session's ConnectionID is
// required.
type Connection struct {
	Session *producers.Session `json:"session"`
}

// SessionInitialized publishes that a client connected and said who it is.
func SessionInitialized(ctx context.Context, to producers.Sink, s producers.Session) (producers.Receipt, error) {
	if err := (producers.Fields{"Session.ConnectionID": s.ConnectionID}).Require(); err != nil {
		return producers.Receipt{}, err
	}
	return producers.Send(ctx, to, "user.session.initialized", s.ConnectionID, Connection{Session: &s})
}
