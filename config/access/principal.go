package access

import (
	"slices"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// Principal is who calls.
type Principal struct {
	Token schemas.TokenID
	Name  string // the token's
	Scope schemas.TokenScope
	// Tenant is whose things it may reach; empty for an administrator.
	Tenant schemas.TenantID
	// User is set for [schemas.TokenPersonal] only: see [schemas.Token].
	User []string
	// Expires is when the token stops working; the zero time is never.
	Expires time.Time
	// Link says that it came by a [Link], which makes no others.
	Link bool
}

// Right is something a caller may do to a tenant's things.
type Right string

// The rights.
const (
	Read    Right = "read"    // see what there is, secrets excepted
	Write   Right = "write"   // make, change and remove what there is
	Publish Right = "publish" // publish events
	Secrets Right = "secrets" // see secrets
	Admin   Right = "admin"   // tenants and tokens themselves
)

// rights are what each scope gives in its own tenant. A personal token's are for
// what its user owns: whoever asks sees to that.
var rights = map[schemas.TokenScope][]Right{
	schemas.TokenWrite:    {Read, Write, Publish, Secrets},
	schemas.TokenRead:     {Read},
	schemas.TokenPersonal: {Read, Write},
	schemas.TokenPublish:  {Publish},
}

// May refuses what the caller may not do with a tenant's things, or for
// [Admin] at all, with a [schemas.CodeForbidden]. It knows of no tenant whether
// it exists, and so its words do not tell.
func (p Principal) May(right Right, tenant schemas.TenantID) error {
	if p.Scope == schemas.TokenAdmin {
		return nil
	}
	switch {
	case !slices.Contains(rights[p.Scope], right):
		return schemas.Errorf(schemas.CodeForbidden, "this token has the scope %s, which does not give the right to %s: use a token that has it", p.Scope, right.words())
	case p.Tenant == "" || p.Tenant != tenant:
		return schemas.Errorf(schemas.CodeForbidden, "this token is for another tenant: use one of the tenant's own")
	}
	return nil
}

func (r Right) words() string {
	switch r {
	case Secrets:
		return "see secrets"
	case Admin:
		return "administer"
	default:
		return string(r)
	}
}
