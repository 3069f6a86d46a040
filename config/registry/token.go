package registry

import (
	"context"

	"github.com/tidings-dev/tidings/schemas"
)

func tokens() kind[schemas.Token] {
	return kind[schemas.Token]{
		noun: "token",
		about: func(t *schemas.Token) about {
			return about{id: string(t.ID), tenant: t.Tenant, parent: string(t.Tenant), created: &t.Created, origin: &t.Origin}
		},
		within: func(ctx context.Context, r *Registry, t schemas.Token) (err error) {
			if t.Tenant != "" {
				_, err = r.Tenant(ctx, t.Tenant)
			}
			return err
		},
		fix: func(old schemas.Token, t *schemas.Token) {
			t.ID, t.Tenant, t.Hash = old.ID, old.Tenant, old.Hash
		},
		validate: schemas.Token.Validate,
		encode:   plainEncode[schemas.Token], decode: plainDecode[schemas.Token],
		beside: usedKey,
	}
}

// Token reads one token.
func (r *Registry) Token(ctx context.Context, id schemas.TokenID) (schemas.Token, error) {
	rec, _, err := look(ctx, r, tokens(), string(id))
	return rec.Value, err
}

// CreateToken makes a token, of a tenant that exists if it has one.
func (r *Registry) CreateToken(ctx context.Context, t schemas.Token) (Record[schemas.Token], error) {
	return create(ctx, r, tokens(), t)
}

// PutToken creates or replaces a token, its hash too.
func (r *Registry) PutToken(ctx context.Context, t schemas.Token) error {
	return put(ctx, r, tokens(), t)
}

// UpdateToken is to tokens what [Registry.UpdateTenant] is to tenants. Its hash
// and tenant stay too.
func (r *Registry) UpdateToken(ctx context.Context, id schemas.TokenID, version uint64, change func(*schemas.Token) error) (Record[schemas.Token], error) {
	return edit(ctx, r, tokens(), one{id: string(id), version: version}, change)
}

// DeleteToken is to tokens what [Registry.DeleteTenant] is to tenants.
func (r *Registry) DeleteToken(ctx context.Context, id schemas.TokenID, version uint64) error {
	return discard(ctx, r, tokens(), one{id: string(id), version: version})
}
