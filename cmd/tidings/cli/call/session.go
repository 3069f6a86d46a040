package call

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/contexts"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/client"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

// Session is one run of a command: its client, and where it prints.
type Session struct {
	*App
	API *client.Client
	// options are the client's.
	options client.Options
	Cmd     *cobra.Command
	Args    []string
	// Place is what flags, variables and contexts said.
	Place Place
}

// Place says where calls go, by which token, and for which tenant; empty for what
// nobody said.
type Place struct{ Server, Token, Tenant string }

// Run makes the RunE of a command that calls the API.
func (a *App) Run(do func(ctx context.Context, s *Session) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		s, err := a.open(c, args)
		if err != nil {
			return err
		}
		return do(c.Context(), s)
	}
}

// CheckOutput refuses a way to show results that there is not.
func (a *App) CheckOutput() error {
	if !slices.Contains([]string{"table", "json", "id"}, a.Output) {
		return usage.Errorf("--output %q: use table, json or id", a.Output)
	}
	return nil
}

// open finds out where to call. It calls nobody.
func (a *App) open(c *cobra.Command, args []string) (*Session, error) {
	if err := a.CheckOutput(); err != nil {
		return nil, err
	}
	p, _, err := a.resolve(c.ErrOrStderr())
	if err != nil {
		return nil, err
	}
	s := &Session{App: a, Cmd: c, Args: args, Place: p}
	if p.Token == "-" {
		if s.Place.Token, err = ReadToken(c.InOrStdin()); err != nil {
			return nil, err
		}
		a.stdinTaken = true
	}
	s.options = client.Options{Server: s.Place.Server, Token: s.Place.Token, Agent: a.Env.Agent, Transport: a.Env.Transport}
	s.API, err = client.New(s.options)
	if err != nil {
		return nil, usage.Wrong(err)
	}
	return s, nil
}

// resolve is the place that flags (which variables have set too) and contexts say,
// and whether anything says it.
func (a *App) resolve(warn io.Writer) (p Place, said bool, err error) {
	file, err := a.ReadContexts(warn)
	if err != nil {
		return Place{}, false, err
	}
	name := cmp.Or(a.SaidContext, file.Current)
	var named contexts.Context
	if name != "" {
		var ok bool
		if named, ok = file.Contexts[name]; !ok {
			return Place{}, false, usage.Errorf("there is no context %q: see tidings context list", name)
		}
	}
	if a.SaidServer != "" && !sameServer(a.SaidServer, named.Server) {
		if a.SaidContext != "" {
			return Place{}, false, usage.Errorf("--context %s says the server %s, and --server says %s: give one of them", name, named.Server, a.SaidServer)
		}
		named = contexts.Context{} // its token is for its own server
	}
	p = Place{
		Server: cmp.Or(a.SaidServer, named.Server, DefaultServer),
		Token:  cmp.Or(a.SaidToken, named.Token),
		Tenant: cmp.Or(a.SaidTenant, named.Tenant),
	}
	return p, a.SaidServer != "" || named.Server != "", nil
}

// BindNATS is for a command that goes to NATS itself: it hears what variables and
// contexts say of the API, for SameNATS.
func (a *App) BindNATS(c *cobra.Command) {
	a.bindPlace(c, c.Flags())
	for _, name := range []string{"server", "token", "tenant", "context", "contexts"} {
		_ = c.Flags().MarkHidden(name) // the flags exist
	}
}

// SameNATS refuses such a command by the default of --nats-url while the API that is
// meant is not the one that is there by default: its NATS server is another.
func (a *App) SameNATS(c *cobra.Command) error {
	p, _, err := a.resolve(c.ErrOrStderr())
	if err != nil || c.Flags().Changed("nats-url") || sameServer(p.Server, DefaultServer) {
		return err
	}
	return usage.Errorf("the API that is meant is %s, and this command goes to its NATS server: say where that is with --nats-url", p.Server)
}

// Remote reports whether anything says where the API is: a flag, a variable, or a
// context.
func (a *App) Remote(c *cobra.Command) (bool, error) {
	_, said, err := a.resolve(c.ErrOrStderr())
	return said, err
}

func sameServer(one, other string) bool {
	return strings.TrimSuffix(one, "/") == strings.TrimSuffix(other, "/")
}

// maxToken bounds a token on the standard input, in bytes.
const maxToken = 4 << 10

// ReadToken is the first line.
func ReadToken(in io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(in, maxToken)).ReadString('\n')
	if line = strings.TrimSpace(line); line == "" {
		if err == nil || errors.Is(err, io.EOF) {
			return "", usage.Errorf("--token -: the standard input has no token in its first line")
		}
		return "", fmt.Errorf("read the token: %w", err)
	}
	return line, nil
}

// TheTenant is the tenant that is meant: the one that was said, or the only one.
func (s *Session) TheTenant(ctx context.Context) (string, error) {
	if s.Place.Tenant != "" {
		return s.Place.Tenant, nil
	}
	page, err := s.API.List(ctx, "/v1/tenants", url.Values{}, maxOffered)
	if e, ok := AsError(err); ok && e.Status == 403 {
		if me, err := client.As[struct{ Tenant string }](s.API.Get(ctx, "/v1/me")); err == nil && me.Tenant != "" {
			s.Place.Tenant = me.Tenant
			return me.Tenant, nil
		}
		return "", usage.Errorf("say which tenant the token is of: with --tenant, TIDINGS_TENANT or a context")
	}
	if err != nil {
		return "", err
	}
	ids := make([]string, len(page.Items))
	for i, item := range page.Items {
		ids[i] = show.Text(item, "id")
	}
	switch len(ids) {
	case 0:
		return "", usage.Errorf("there is no tenant yet: make one with tidings tenants create ID")
	case 1:
		s.Place.Tenant = ids[0]
		return ids[0], nil
	}
	if page.Next != "" {
		ids = append(ids, "…")
	}
	return "", usage.Errorf("say which tenant is meant, with --tenant, TIDINGS_TENANT or a context: %s", strings.Join(ids, ", "))
}

// maxOffered is how many tenants are named to choose from.
const maxOffered = 10

// Of is the path of something of the tenant's.
func (s *Session) Of(ctx context.Context, segments ...string) (string, error) {
	tenant, err := s.TheTenant(ctx)
	return client.Path(append([]string{"v1", "tenants", tenant}, segments...)...), err
}

// Read is the content of a file, or of the standard input if its name is "-".
func (s *Session) Read(name string) ([]byte, error) {
	f, err := s.File(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	return io.ReadAll(f)
}

// File opens a file, or the standard input if its name is "-". It is read once: not if
// the token was.
func (s *Session) File(name string) (io.ReadCloser, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, usage.Wrong(err)
		}
		return f, nil
	}
	if s.stdinTaken {
		return nil, usage.Errorf("the standard input has the token: give what else is read as a file")
	}
	return io.NopCloser(s.Cmd.InOrStdin()), nil
}

// Tell says something to people, beside the result.
func (s *Session) Tell(format string, args ...any) {
	fmt.Fprintf(s.Cmd.ErrOrStderr(), format+"\n", args...)
}

// Pause waits, and reports whether ctx still lasts.
func Pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// AsJSON is an object that is sent.
func AsJSON(v any) json.RawMessage {
	b, _ := json.Marshal(v) // of maps, strings and raw JSON
	return b
}
