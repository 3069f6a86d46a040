package api

import (
	"context"
	"net/http"
	"time"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/config/api/document"
	"github.com/tidings-dev/tidings/schemas"
)

// meView is who calls.
type meView struct {
	Token   schemas.TokenID    `json:"token"`
	Name    string             `json:"name,omitempty"`
	Scope   schemas.TokenScope `json:"scope"`
	Tenant  schemas.TenantID   `json:"tenant,omitempty"`
	User    []string           `json:"user,omitempty"`
	Expires time.Time          `json:"expires,omitzero"`
	Link    bool               `json:"link,omitempty"` // it came by a link, which makes no others
}

// getMe says what the caller's own token is.
func (a *API) getMe(_ context.Context, c *call) (reply, error) {
	w := c.who
	return reply{status: http.StatusOK, body: meView{Token: w.Token, Name: w.Name, Scope: w.Scope, Tenant: w.Tenant, User: w.User, Expires: w.Expires, Link: w.Link}}, nil
}

const (
	defaultLinkTime = time.Hour
	minLinkTime     = time.Minute
	maxLinkTime     = 24 * time.Hour

	// consoleLink is where the console takes a link from: the fragment of its address
	// is sent to nobody.
	consoleLink = "/#link="
)

// linkView is a link as it is shown, once.
type linkView struct {
	URL     string    `json:"url"` // below the server's own address
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
}

// createLink makes a link that opens the console for one of the tenant's own people.
func (a *API) createLink(_ context.Context, c *call) (reply, error) {
	in := struct {
		Name  string             `json:"name"`
		Scope schemas.TokenScope `json:"scope"`
		User  []string           `json:"user"`
		TTL   schemas.Duration   `json:"ttl"`
	}{Scope: schemas.TokenRead, TTL: schemas.Duration(defaultLinkTime)}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	link := access.Link{By: c.who.Token, Token: schemas.Token{
		ID: schemas.NewTokenID(now()), Name: in.Name, Scope: in.Scope, Tenant: c.tenant, User: in.User,
		Expires: now().Add(in.TTL.Std()).Truncate(time.Second),
	}}
	ttl := in.TTL.Std()
	switch {
	case c.who.Link:
		return reply{}, schemas.Errorf(schemas.CodeForbidden, "a link makes no other links: use the token that made it")
	case len(in.Name) > schemas.MaxName:
		return reply{}, document.Invalid("name", "it has %d bytes: use at most %d", len(in.Name), schemas.MaxName)
	case ttl < minLinkTime || ttl > maxLinkTime:
		return reply{}, document.Invalid("ttl", "%s: use %s to %s", ttl, minLinkTime, maxLinkTime)
	case in.Scope != schemas.TokenWrite && in.Scope != schemas.TokenRead && in.Scope != schemas.TokenPersonal:
		return reply{}, document.Invalid("scope", "%q: use %s, %s or %s", in.Scope, schemas.TokenWrite, schemas.TokenRead, schemas.TokenPersonal)
	}
	_, link.Hash = access.NewToken() // a link has none, and all else is to be valid
	if err := link.Validate(); err != nil {
		return reply{}, document.About(err, in)
	}
	link.Hash = ""
	presented, err := a.Links.Present(link)
	if err != nil {
		return reply{}, err
	}
	if len(presented) > access.MaxToken {
		return reply{}, document.Invalid("user", "its ids are too long for a link: use fewer or shorter ones")
	}
	return reply{status: http.StatusCreated, body: linkView{URL: consoleLink + presented, Token: presented, Expires: link.Expires}}, nil
}
