package access

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/tidings-dev/tidings/config/seal"
	"github.com/tidings-dev/tidings/schemas"
)

// Link is a right to call the API for a while that carries its own proof: it is
// sealed, and nothing is kept of it. Whoever embeds the console makes one for each of
// its users. It ends with the token that made it.
type Link struct {
	// Token is of [schemas.TokenWrite], [schemas.TokenRead] or [schemas.TokenPersonal],
	// with an expiry. Its hash is empty.
	schemas.Token
	// By is the token that made it.
	By schemas.TokenID `json:"by"`
}

// linkPrefix tells a link from a token that is looked up.
const linkPrefix = tokenPrefix + "link_"

// linkAbout is what links are sealed about: nothing else that is sealed opens as one.
var linkAbout = []byte("link")

// Links make links and know them again.
type Links struct {
	// Keys seal them. A link of a key that was taken away opens nothing.
	Keys *seal.Keyring
	// Lookup finds the token that made one. Required.
	Lookup func(schemas.TokenID) (schemas.Token, bool)
}

// Present is a link as a caller presents it, in place of a token.
func (l *Links) Present(link Link) (string, error) {
	plain, err := json.Marshal(link)
	if err != nil {
		return "", err
	}
	return linkPrefix + l.Keys.Seal(plain, linkAbout), nil
}

// open is the token that a link stands for; false if it is none, or its maker may no
// longer do as much.
func (l *Links) open(presented string, now time.Time) (schemas.Token, bool) {
	sealed, is := strings.CutPrefix(presented, linkPrefix)
	if !is || l == nil {
		return schemas.Token{}, false
	}
	plain, err := l.Keys.Open(sealed, linkAbout)
	if err != nil {
		return schemas.Token{}, false
	}
	var link Link
	if json.Unmarshal(plain, &link) != nil || !link.Works(now) {
		return schemas.Token{}, false
	}
	by, known := l.Lookup(link.By)
	maker := Principal{Scope: by.Scope, Tenant: by.Tenant}
	if !known || !by.Works(now) || maker.May(Write, link.Tenant) != nil {
		return schemas.Token{}, false
	}
	return link.Token, true
}
