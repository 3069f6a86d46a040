package schemas

import (
	"slices"
	"time"
)

// TokenID names a token: "tok_" and 1 to 60 letters, digits, '-' or '_'. It is
// no secret.
type TokenID string

const tokenPrefix = "tok_"

// NewTokenID makes an id that sorts by its time of making.
func NewTokenID(now time.Time) TokenID { return TokenID(tokenPrefix + sortable(now)) }

// Validate says what is wrong with the form of the id.
func (id TokenID) Validate() error { return validatePrefixed("token", tokenPrefix, string(id)) }

// Token is a right to call the API. What the caller presents is shown once, when
// the token is made, and is kept as a hash only.
type Token struct {
	ID   TokenID `json:"id"`
	Name string  `json:"name,omitempty"`
	// Hash is the SHA-256 of what the caller presents, in hex.
	Hash  string     `json:"hash"`
	Scope TokenScope `json:"scope"`
	// Tenant is whose things the token opens; empty for [TokenAdmin] only.
	Tenant TenantID `json:"tenant,omitempty"`
	// User are the ids by which events name the user that a [TokenPersonal] is
	// for, like a user id and an e-mail address; the first names the user here.
	User []string `json:"user,omitempty"`
	// Expires is when the token stops working; the zero time is never.
	Expires time.Time `json:"expires,omitzero"`
	// Revoked is when it was taken back; zero while it was not.
	Revoked time.Time `json:"revoked,omitzero"`
	Created time.Time `json:"created,omitzero"`
	Origin  Origin    `json:"origin,omitempty"`
}

// TokenScope is what a token may do.
type TokenScope string

const (
	TokenAdmin    TokenScope = "admin"        // everything, for every tenant
	TokenWrite    TokenScope = "tenant:write" // read, change and publish what is the tenant's
	TokenRead     TokenScope = "tenant:read"  // read what is the tenant's, secrets excepted
	TokenPersonal TokenScope = "personal"     // the user's own endpoints and subscriptions
	TokenPublish  TokenScope = "publish"      // publish the tenant's events, nothing else
)

// TokenScopes are all of them.
func TokenScopes() []TokenScope {
	return []TokenScope{TokenAdmin, TokenWrite, TokenRead, TokenPersonal, TokenPublish}
}

// MaxIdentities bounds the ids of one user.
const MaxIdentities = 16

// Validate names the field that is wrong.
func (t Token) Validate() error {
	if err := t.ID.Validate(); err != nil {
		return err
	}
	if !slices.Contains(TokenScopes(), t.Scope) {
		return Errorf(CodeInvalid, "token %s: scope %q is unknown: use %s", t.ID, t.Scope, list(TokenScopes()))
	}
	switch {
	case len(t.Hash) != 64: // made by us
		return Errorf(CodeInvalid, "token %s: hash is not a SHA-256 in hex", t.ID)
	case t.Scope == TokenAdmin && t.Tenant != "":
		return Errorf(CodeInvalid, "token %s: tenant does not go with the scope admin: leave it out, or use tenant:write", t.ID)
	case t.Scope != TokenAdmin && t.Tenant == "":
		return Errorf(CodeInvalid, "token %s: tenant is missing: the scope %s needs one", t.ID, t.Scope)
	case (t.Scope == TokenPersonal) != (len(t.User) > 0):
		return Errorf(CodeInvalid, "token %s: user goes with the scope personal, and only with it", t.ID)
	}
	if t.Tenant != "" {
		if err := t.Tenant.Validate(); err != nil {
			return err
		}
	}
	if err := validateUser(t.User); err != nil {
		return Errorf(CodeInvalid, "token %s: %w", t.ID, err)
	}
	return nil
}

// Works reports whether the token opens anything at that time.
func (t Token) Works(now time.Time) bool {
	return t.Revoked.IsZero() && (t.Expires.IsZero() || now.Before(t.Expires))
}

func validateUser(user []string) error {
	if len(user) > MaxIdentities {
		return Errorf(CodeInvalid, "user has %d ids: use at most %d", len(user), MaxIdentities)
	}
	for i, id := range user {
		if id == "" || len(id) > maxFilterValue {
			return Errorf(CodeInvalid, "%s: use 1 to %d bytes", indexed("user", i), maxFilterValue)
		}
	}
	return nil
}
