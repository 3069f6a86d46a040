package access_test

import (
	"testing"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/schemas"
)

var rights = []access.Right{access.Read, access.Write, access.Publish, access.Secrets, access.Admin, "unknown"}

// given says for each scope what it gives, one letter a right.
var given = map[schemas.TokenScope]string{
	schemas.TokenAdmin:    "yyyyyy",
	schemas.TokenWrite:    "yyyy--",
	schemas.TokenRead:     "y-----",
	schemas.TokenPersonal: "yy----",
	schemas.TokenPublish:  "--y---",
	"":                    "------",
	"another":             "------",
}

func TestRights(t *testing.T) {
	if len(given) != len(schemas.TokenScopes())+2 {
		t.Error("a scope is missing here")
	}
	for scope, letters := range given {
		p := access.Principal{Token: "tok_a", Scope: scope, Tenant: "acme"}
		if scope == schemas.TokenAdmin {
			p.Tenant = ""
		}
		for i, right := range rights {
			err := p.May(right, "acme")
			if (err == nil) != (letters[i] == 'y') || err != nil && !schemas.HasCode(err, schemas.CodeForbidden) {
				t.Errorf("%s: may %s of its tenant: %v, want %c", scope, right, err, letters[i])
			}
			for _, other := range []schemas.TenantID{"beta", "nobody", "", "ACME"} {
				checkOther(t, p, right, other)
			}
		}
	}
	if err := (access.Principal{Scope: schemas.TokenWrite}).May(access.Read, ""); !schemas.HasCode(err, schemas.CodeForbidden) {
		t.Errorf("a token without tenant, and no tenant: %v", err)
	}
}

// checkOther wants another tenant to be refused, in words that fit any.
func checkOther(t *testing.T, p access.Principal, right access.Right, other schemas.TenantID) {
	t.Helper()
	err := p.May(right, other)
	if p.Scope == schemas.TokenAdmin {
		if err != nil {
			t.Errorf("an administrator may %s of %q: %v", right, other, err)
		}
		return
	}
	if twin := p.May(right, "somebody"); !schemas.HasCode(err, schemas.CodeForbidden) || err.Error() != twin.Error() {
		t.Errorf("%s: may %s of %q: %v, want forbidden, and the words %q", p.Scope, right, other, err, twin)
	}
}
