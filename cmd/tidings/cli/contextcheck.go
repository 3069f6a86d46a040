package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/call"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/contexts"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/client"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

// checkWithin is how long a context that is added waits for its server.
const checkWithin = 10 * time.Second

// who is what a server says of a token.
type who struct {
	Token, Name, Scope, Tenant string
	Expires                    time.Time
}

// String is how people are told: "token tok_a (billing), admin".
func (w who) String() string {
	s := "token " + w.Token
	if w.Name != "" {
		s += " (" + w.Name + ")"
	}
	if s += ", " + w.Scope; w.Tenant != "" {
		s += " of the tenant " + w.Tenant
	}
	if !w.Expires.IsZero() {
		s += ", until " + show.Moment(w.Expires)
	}
	return show.Clean(s)
}

// check tries a context at its server, and says who it makes one. One without a token
// is tried for whether somebody is there.
func (a *App) check(ctx context.Context, saved contexts.Context) (whoever string, err error) {
	ctx, stop := context.WithTimeout(ctx, checkWithin)
	defer stop()
	api, err := client.New(client.Options{Server: saved.Server, Token: saved.Token, Agent: a.Env.Agent, Transport: a.Env.Transport, MaxWait: -1})
	if err != nil {
		return "", usage.Wrong(err)
	}
	me, err := client.As[who](api.Get(ctx, "/v1/me"))
	if e, ok := call.AsError(err); ok && e.Denied() && saved.Token == "" {
		return "nobody, without a token: most calls will be refused", nil
	}
	if err != nil {
		return "", err
	}
	if me.Tenant != "" && saved.Tenant != "" && me.Tenant != saved.Tenant {
		return "", usage.Errorf("the token is of the tenant %s, and --tenant says %s: leave --tenant out", show.Clean(me.Tenant), saved.Tenant)
	}
	if me.Tenant == "" && saved.Tenant != "" {
		_, err = api.Get(ctx, client.Path("v1", "tenants", saved.Tenant))
	}
	return me.String(), err
}

// notKept is why a context was not added.
func notKept(name string, err error) error {
	hint := ""
	if code := usage.ExitCode(err); code == usage.ExitUnreachable || code == usage.ExitFailed {
		hint = "; --no-check keeps it all the same"
	}
	return fmt.Errorf("the context %q is not kept: %w%s", name, err, hint)
}
