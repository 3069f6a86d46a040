package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/tidings-dev/tidings/schemas"
)

// MinToken is the least length of what a caller presents, in bytes, when it was
// not made here: it must not be guessed.
const MinToken = 20

// token reads a token of a tenant, or one of the file, which is an administrator's.
func (r *reading) token(p place, tenant schemas.TenantID) {
	if !p.record("id", "name", "scope", "user", "expires", "secret") {
		p.lacks("an id, a scope and a secret")
		return
	}
	t := schemas.Token{
		ID: schemas.TokenID(p.member("id").text()), Name: p.member("name").text(),
		Scope: schemas.TokenScope(p.member("scope").text()), Tenant: tenant,
		User: p.member("user").texts(), Expires: p.member("expires").moment(),
	}
	if !r.identify(p.member("id"), t.ID.Validate()) {
		t.ID = "tok_" + unknown
	}
	scope := p.member("scope")
	if tenant == "" && !scope.given() {
		t.Scope = schemas.TokenAdmin
	}
	if len(t.Name) > schemas.MaxName {
		p.member("name").refuse("has %d bytes: use at most %d", len(t.Name), schemas.MaxName)
	}
	t.Hash = r.hash(p.member("secret"))
	switch {
	case tenant == "" && t.Scope != schemas.TokenAdmin:
		scope.refuse("tokens at the top are for administrators: leave it out, or put the token under its tenant")
	case tenant != "" && t.Scope == schemas.TokenAdmin:
		scope.refuse("an administrator's token is no tenant's: put it under tokens at the top, or use tenant:write")
	default:
		p.blame(t.Validate())
	}
	r.d.Tokens = append(r.d.Tokens, t)
}

// hash is that of what the caller presents. The file holds the hash, or says
// where the rest is: a token in clear in it would open the API to its readers.
func (r *reading) hash(p place) string {
	ways := []string{"env", "file", "sha256"}
	hash := fmt.Sprintf("%064x", 0) // of a token that is refused
	switch {
	case p.member("value").given():
		p.refuse("has a value: give env, file, or sha256 with its hash, so that who reads this file cannot use the token")
		return hash
	case !p.recordOf(ways, false):
		p.lacks(strings.Join(ways, " or "))
		return hash
	}
	found := r.reveal(p, ways)
	switch {
	case found == someSecret:
		return hash
	case p.member("sha256").given():
		digest, err := hex.DecodeString(found)
		if err != nil || len(digest) != sha256.Size {
			p.member("sha256").refuse("must be a SHA-256 in hex, which has %d digits", 2*sha256.Size)
			return hash
		}
		hash = hex.EncodeToString(digest)
	case len(found) < MinToken:
		p.refuse("%s has %d characters: use at least %d", r.src.secrets[p.field], len(found), MinToken)
		return hash
	default:
		digest := sha256.Sum256([]byte(found))
		hash = hex.EncodeToString(digest[:])
	}
	r.once(p, "hash "+hash, "is the secret of another token")
	return hash
}
