package cli

import (
	"net/http"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
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

	server, token, tenant     string
	context, contexts, output string
}

// New is the command line in an environment.
func New(env Environment) *App { return &App{env: env, output: "table"} }

// Commands are all that call the API, and backup and restore.
func (a *App) Commands() []*cobra.Command {
	commands := []*cobra.Command{
		a.tenantsCommand(), a.endpointsCommand(), a.subscriptionsCommand(), a.deliveriesCommand(), a.deadCommand(),
		a.eventsCommand(), a.tokensCommand(), a.replaysCommand(), a.recoverCommand(), a.explainCommand(), a.eraseCommand(),
		a.erasuresCommand(), a.auditCommand(), a.linksCommand(), a.triggerCommand(), a.contextCommand(),
	}
	for _, c := range commands {
		a.bind(c, c.PersistentFlags())
	}
	return append(commands, wordedWrongly(a.backupCommand()), wordedWrongly(a.restoreCommand()))
}

// TypeCommands are those below "tidings types", which itself asks no server.
func (a *App) TypeCommands() []*cobra.Command {
	commands := []*cobra.Command{a.typesListCommand(), a.typesGetCommand(), a.typesPutCommand(), a.typesDeleteCommand()}
	for _, c := range commands {
		a.bind(c, c.Flags())
	}
	return commands
}

// Listen makes a command of another package one of those that call the API: run is told
// where it is, by which token, and whose things are meant, as far as that was said.
func (a *App) Listen(c *cobra.Command, run func(c *cobra.Command, at Place) error) *cobra.Command {
	a.bindPlace(c, c.Flags())
	c.RunE = func(c *cobra.Command, args []string) error {
		s, err := a.open(c, args)
		if err != nil {
			return err
		}
		return run(c, s.place)
	}
	return c
}

// bind makes the flags that say where the API is, and how answers are shown.
func (a *App) bind(c *cobra.Command, f *pflag.FlagSet) {
	a.bindPlace(c, f)
	f.StringVarP(&a.output, "output", "o", "table", "table, json, or id, which is what names each thing, one a line")
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json", "id"}, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
}

func (a *App) bindPlace(c *cobra.Command, f *pflag.FlagSet) {
	f.StringVar(&a.server, "server", "", "URL of the API (default "+DefaultServer+")")
	f.StringVar(&a.token, "token", "", "token of the API, or - to read it from the standard input")
	f.StringVar(&a.tenant, "tenant", "", "tenant whose things are meant; may be left out if there is one only")
	f.StringVar(&a.context, "context", "", "name of the context that says server, token and tenant (default: the current one)")
	f.StringVar(&a.contexts, "contexts", "", "file of the contexts (default: tidings/contexts.yaml in the user's folder of settings)")
	wordedWrongly(c)
	for name, complete := range map[string]cobra.CompletionFunc{"tenant": a.completeTenant, "context": a.completeContext} {
		_ = c.RegisterFlagCompletionFunc(name, complete) // the flags exist
	}
}

// wordedWrongly gives mistakes in a command's flags their exit code.
func wordedWrongly(c *cobra.Command) *cobra.Command {
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	return c
}
