package cli

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

// App makes the commands, and is what they share: the flags of the one that runs.
type App struct {
	env Environment

	server, token, tenant       string
	inContext, contexts, output string
	// stdinTaken is set once the token was read from the standard input.
	stdinTaken bool
}

// New is the command line in an environment.
func New(env Environment) *App { return &App{env: env, output: "table"} }

// Commands are all that call the API, and those that look after what is stored.
func (a *App) Commands() []*cobra.Command {
	commands := []*cobra.Command{
		a.tenantsCommand(), a.endpointsCommand(), a.subscriptionsCommand(), a.deliveriesCommand(), a.deadCommand(),
		a.eventsCommand(), a.tokensCommand(), a.replaysCommand(), a.recoverCommand(), a.explainCommand(), a.eraseCommand(),
		a.erasuresCommand(), a.auditCommand(), a.linksCommand(), a.triggerCommand(), a.contextCommand(),
	}
	for _, c := range commands {
		a.bind(c, c.PersistentFlags())
	}
	return append(commands, a.backupCommand(), a.restoreCommand(), a.logCommand())
}

// TypeCommands are those below "tidings types", which itself asks no server.
func (a *App) TypeCommands() []*cobra.Command {
	commands := []*cobra.Command{a.typesListCommand(), a.typesGetCommand(), a.typesPutCommand(), a.typesDeleteCommand()}
	for _, c := range commands {
		a.bind(c, c.Flags())
	}
	return commands
}

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
		return run(c, Caller{API: api, Tenant: s.theTenant, HintTypes: s.hintTypes})
	}
	return c
}

// bind makes the flags that say where the API is, and how answers are shown.
func (a *App) bind(c *cobra.Command, f *pflag.FlagSet) {
	a.bindPlace(c, f)
	f.StringVarP(&a.output, "output", "o", "table", "table, json, or id, which is what names each thing, one a line")
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json", "id"}, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
}

// printer is how a command shows what came.
func (a *App) printer(c *cobra.Command) show.Printer {
	return show.Printer{Format: a.output, Color: a.env.Color, Out: c.OutOrStdout(), Notes: c.ErrOrStderr()}
}

// newBar is a bar, where lines can be written over.
func (a *App) newBar(out io.Writer) *show.Bar {
	if !a.env.Bars {
		out = nil
	}
	return show.NewBar(out)
}

func (a *App) bindPlace(c *cobra.Command, f *pflag.FlagSet) {
	f.StringVar(&a.server, "server", "", "URL of the API (default "+DefaultServer+")")
	f.StringVar(&a.token, "token", "", "token of the API, or - to read it from the standard input")
	f.StringVar(&a.tenant, "tenant", "", "tenant whose things are meant; may be left out if there is one only")
	f.StringVar(&a.inContext, "context", "", "name of the context that says server, token and tenant (default: the current one)")
	f.StringVar(&a.contexts, "contexts", "", "file of the contexts (default: tidings/contexts.yaml in the user's folder of settings)")
	for name, complete := range map[string]cobra.CompletionFunc{"tenant": a.completeTenant, "context": a.completeContext} {
		_ = c.RegisterFlagCompletionFunc(name, complete) // the flags exist
	}
}
