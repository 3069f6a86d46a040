package pipe

import (
	"context"
	"time"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/schemas"
)

// The ids of the tokens that are not made over the API.
const (
	presetToken = schemas.TokenID("tok_preset")
	firstToken  = schemas.TokenID("tok_first")
)

// adminTokens makes sure that somebody can administrate: by the token that is
// preset or, if no admin token works, by one that is made and shown once. One that
// was preset before and is no longer works until it is revoked: another process
// may have it still.
func (p *Process) adminTokens(ctx context.Context) error {
	preset, err := p.settings.AdminToken()
	if err != nil {
		return err
	}
	if preset != "" {
		return p.Registry.PutToken(ctx, schemas.Token{
			ID: presetToken, Name: "preset admin token", Scope: schemas.TokenAdmin, Hash: access.Hash(preset),
		})
	}
	if p.hooks.AdminToken == nil || p.administrated() {
		return nil
	}
	token, hash := access.NewToken()
	_, err = p.Registry.CreateToken(ctx, schemas.Token{
		ID: firstToken, Name: "first admin token", Scope: schemas.TokenAdmin, Hash: hash,
	})
	if schemas.HasCode(err, schemas.CodeConflict) {
		return nil // another process was first, and has shown its own; or it was revoked, for a reason
	}
	if err == nil {
		p.hooks.AdminToken(token)
	}
	return err
}

// administrated reports whether an admin token works.
func (p *Process) administrated() bool {
	for _, t := range p.picture.Tokens("", "", 0) {
		if t.Value.Scope == schemas.TokenAdmin && t.Value.Works(time.Now()) {
			return true
		}
	}
	return false
}
