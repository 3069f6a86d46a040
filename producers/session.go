package producers

import "time"

// Session is the connection, or the sign-in, through which an event came about.
// An event that carries none leaves the member out. A value that a session does
// not have is null.
type Session struct {
	AppPID       string       `json:"appPid"` // the application
	KeyID        string       `json:"keyId"`  // the API key it used
	ClientID     string       `json:"clientId" zero:"null"`
	ConnectionID string       `json:"connectionId" zero:"null"`
	SocketID     string       `json:"socketId" zero:"null"`
	Timestamp    time.Time    `json:"timestamp"` // when it began
	ExpiresAt    time.Time    `json:"exp" unix:"s"`
	User         *SessionUser `json:"user"` // nil if the client is nobody the application knows
}

// MarshalJSON is how a session travels.
func (s Session) MarshalJSON() ([]byte, error) { return Encode(s) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Session) UnmarshalJSON(data []byte) error { return Decode(data, s) }

// authSession is the session of a sign-up or sign-in: what issues those counts
// in milliseconds, where a connection counts in seconds.
type authSession struct {
	AppPID       string       `json:"appPid"`
	KeyID        string       `json:"keyId"`
	ClientID     string       `json:"clientId" zero:"null"`
	ConnectionID string       `json:"connectionId" zero:"null"`
	SocketID     string       `json:"socketId" zero:"null"`
	Timestamp    time.Time    `json:"timestamp"`
	ExpiresAt    time.Time    `json:"exp" unix:"ms"`
	User         *SessionUser `json:"user"`
}

func (s authSession) MarshalJSON() ([]byte, error) { return Encode(s) }

func (s *authSession) UnmarshalJSON(data []byte) error { return Decode(data, s) }

// SessionUser is the user of a [Session]. ID is required.
type SessionUser struct {
	ID         string     `json:"id"`
	ClientID   string     `json:"clientId" zero:"null"`
	CreatedAt  time.Time  `json:"createdAt,omitzero"`
	UpdatedAt  time.Time  `json:"updatedAt,omitzero"`
	Username   string     `json:"username" zero:"null"`
	OrgID      string     `json:"orgId,omitzero"`
	AppID      string     `json:"appId,omitzero"`
	IsOnline   bool       `json:"isOnline"`
	LastOnline time.Time  `json:"lastOnline"`
	BlockedAt  time.Time  `json:"blockedAt"`
	FirstName  string     `json:"firstName" zero:"null"`
	LastName   string     `json:"lastName" zero:"null"`
	Identities []Identity `json:"identities,omitzero"`
}

// MarshalJSON is how a user travels.
func (u SessionUser) MarshalJSON() ([]byte, error) { return Encode(u) }

// Identity is a way in which a provider knows a user. ID and Provider are
// required.
type Identity struct {
	ID         string    `json:"id"`
	Provider   string    `json:"provider"`               // "email", "google", …
	ProviderID string    `json:"providerId" zero:"null"` // the user's id there
	VerifiedAt time.Time `json:"verifiedAt,omitzero"`
}

// MarshalJSON is how an identity travels.
func (i Identity) MarshalJSON() ([]byte, error) { return Encode(i) }
