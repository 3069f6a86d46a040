package call

import (
	"context"
	"io"
	"net/http"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/client"
)

// DefaultServer is where tidings run serves the API if it is told nothing.
const DefaultServer = "http://127.0.0.1:8080"

// Environment is what only main knows of the process.
type Environment struct {
	// Agent is the User-Agent of calls.
	Agent string
	// ConfigDir is the user's folder of settings; empty if there is none.
	ConfigDir string
	// Asks reports whether a person is there to answer: standard input and standard
	// error are terminals.
	Asks bool
	// Color reports whether the standard output shows colours, Bars whether a line of
	// the standard error may be written over.
	Color, Bars bool
	// Transport makes the calls; nil for http.DefaultTransport.
	Transport http.RoundTripper
}

// App is what commands share: the flags of the one that runs.
type App struct {
	Env Environment
	// SaidServer, SaidToken, SaidTenant and SaidContext are what flags and variables say;
	// empty for nothing.
	SaidServer, SaidToken, SaidTenant, SaidContext string
	// Output is how results are shown: table, json or id.
	Output string

	contexts string // the file of them, or empty
	// stdinTaken is set once the token was read from the standard input.
	stdinTaken bool
}

// New is what commands share in an environment.
func New(env Environment) *App { return &App{Env: env, Output: "table"} }

// Caller is what a command of another package calls the API by.
type Caller struct {
	// API waits for nobody: a 429 or 503 is an error at once.
	API *client.Client
	// Tenant is the one whose things are meant; it may have to ask the server.
	Tenant func(context.Context) (string, error)
	// HintTypes tells of types that look mistyped.
	HintTypes func(ctx context.Context, types []string)
}

// Calling makes a command of another package one of those that call the API.
func (a *App) Calling(c *cobra.Command, run func(c *cobra.Command, of Caller) error) *cobra.Command {
	a.bindPlace(c, c.Flags())
	c.RunE = func(c *cobra.Command, args []string) error {
		s, err := a.open(c, args)
		if err != nil {
			return err
		}
		hasty := s.options
		hasty.MaxWait = -1
		api, err := client.New(hasty)
		if err != nil {
			return err
		}
		return run(c, Caller{API: api, Tenant: s.TheTenant, HintTypes: s.HintTypes})
	}
	return c
}

// Bind makes the flags that say where the API is, and how answers are shown.
func (a *App) Bind(c *cobra.Command, f *pflag.FlagSet) {
	a.bindPlace(c, f)
	f.StringVarP(&a.Output, "output", "o", "table", "table, json, or id, which is what names each thing, one a line")
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json", "id"}, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
}

// Printer is how a command shows what came.
func (a *App) Printer(c *cobra.Command) show.Printer {
	return show.Printer{Format: a.Output, Color: a.Env.Color, Out: c.OutOrStdout(), Notes: c.ErrOrStderr()}
}

// NewBar is a bar, where lines can be written over.
func (a *App) NewBar(out io.Writer) *show.Bar {
	if !a.Env.Bars {
		out = nil
	}
	return show.NewBar(out)
}

func (a *App) bindPlace(c *cobra.Command, f *pflag.FlagSet) {
	f.StringVar(&a.SaidServer, "server", "", "URL of the API (default "+DefaultServer+")")
	f.StringVar(&a.SaidToken, "token", "", "token of the API, or - to read it from the standard input")
	f.StringVar(&a.SaidTenant, "tenant", "", "tenant whose things are meant; may be left out if there is one only")
	f.StringVar(&a.SaidContext, "context", "", "name of the context that says server, token and tenant (default: the current one)")
	f.StringVar(&a.contexts, "contexts", "", "file of the contexts (default: tidings/contexts.yaml in the user's folder of settings)")
	for name, complete := range map[string]cobra.CompletionFunc{"tenant": a.CompleteTenant, "context": a.CompleteContext} {
		_ = c.RegisterFlagCompletionFunc(name, complete) // the flags exist
	}
}
