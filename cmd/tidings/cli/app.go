package cli

import (
	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/call"
)

// App makes the commands.
type App struct{ *call.App }

// New is the command line in an environment.
func New(env call.Environment) *App { return &App{call.New(env)} }

// Commands are all that call the API, and those that look after what is stored.
func (a *App) Commands() []*cobra.Command {
	commands := []*cobra.Command{
		a.tenantsCommand(), a.endpointsCommand(), a.subscriptionsCommand(), a.deliveriesCommand(), a.deadCommand(),
		a.eventsCommand(), a.tokensCommand(), a.replaysCommand(), a.recoverCommand(), a.explainCommand(), a.eraseCommand(),
		a.erasuresCommand(), a.auditCommand(), a.linksCommand(), a.triggerCommand(), a.contextCommand(),
	}
	for _, c := range commands {
		a.Bind(c, c.PersistentFlags())
	}
	return append(commands, a.backupCommand(), a.restoreCommand(), a.logCommand())
}

// TypeCommands are those below "tidings types", which itself asks no server.
func (a *App) TypeCommands() []*cobra.Command {
	commands := []*cobra.Command{a.typesListCommand(), a.typesGetCommand(), a.typesPutCommand(), a.typesDeleteCommand()}
	for _, c := range commands {
		a.Bind(c, c.Flags())
	}
	return commands
}
