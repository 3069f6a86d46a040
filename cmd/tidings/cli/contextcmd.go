package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/call"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/contexts"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/client"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

func (a *App) contextCommand() *cobra.Command {
	return usage.Group(&cobra.Command{Use: "context", Short: "Name the servers, tokens and tenants that you work with"},
		a.contextAdd(), a.contextList(), a.contextUse(), a.contextRemove(), a.contextShow())
}

func (a *App) contextAdd() *cobra.Command {
	var use, replace, unchecked bool
	c := &cobra.Command{
		Use:   "add NAME",
		Short: "Keep --server, --token and --tenant under a name",
		Long: `Keep --server, --token and --tenant under a name, in a file that only you may
read. The first context becomes the current one, which counts where no other is
named. The token is never shown again.

The server is asked who the token is, and the context is kept if it knows it.
--no-check asks nobody: for a server that is yet to be started.`,
		Example: `  tidings context add local --token - < token.txt
  tidings context add prod --server https://hooks.example.com --tenant acme --token - --use`,
		Args: usage.Arguments(1, 1, "the name"),
		RunE: func(c *cobra.Command, args []string) error {
			name := args[0]
			file, saved, err := a.contextToAdd(c, name, replace)
			if err != nil {
				return err
			}
			whoever := "not tried"
			if !unchecked {
				if whoever, err = a.check(c.Context(), saved); err != nil {
					return notKept(name, err)
				}
			}
			file.Contexts[name] = saved
			if use || file.Current == "" {
				file.Current = name
			}
			if err := a.WriteContexts(file); err != nil {
				return err
			}
			current := ""
			if file.Current == name {
				current = ", the current one"
			}
			fmt.Fprintf(c.ErrOrStderr(), "Kept %s%s: %s at %s\n", name, current, whoever, saved.Server)
			return nil
		},
	}
	c.Flags().BoolVar(&unchecked, "no-check", false, "do not ask the server who the token is")
	c.Flags().BoolVar(&use, "use", false, "make it the current one")
	c.Flags().BoolVar(&replace, "replace", false, "take the place of a context of that name")
	return c
}

// contextToAdd is what the command line says of a context, and the file it goes into.
func (a *App) contextToAdd(c *cobra.Command, name string, replace bool) (file contexts.File, saved contexts.Context, err error) {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return file, saved, usage.Errorf("context %q: a name has no spaces", name)
	}
	if file, err = a.ReadContexts(c.ErrOrStderr()); err != nil {
		return file, saved, err
	}
	if _, taken := file.Contexts[name]; taken && !replace {
		return file, saved, usage.Errorf("there is a context %q: remove it first, or add --replace", name)
	}
	saved = contexts.Context{Server: call.DefaultServer, Token: a.SaidToken, Tenant: a.SaidTenant}
	if a.SaidServer != "" {
		saved.Server = strings.TrimSuffix(a.SaidServer, "/")
	}
	if a.SaidToken == "-" {
		if saved.Token, err = call.ReadToken(c.InOrStdin()); err != nil {
			return file, saved, err
		}
	}
	_, err = client.New(client.Options{Server: saved.Server, Token: saved.Token})
	return file, saved, usage.Wrong(err)
}

// contextView is a context as it is shown: without its token.
type contextView struct {
	Name    string `json:"name"`
	Current bool   `json:"current"`
	Server  string `json:"server"`
	Tenant  string `json:"tenant,omitempty"`
	Token   bool   `json:"token"` // whether it has one
}

func viewOf(f contexts.File, name string) json.RawMessage {
	c := f.Contexts[name]
	return call.AsJSON(contextView{name, name == f.Current, c.Server, c.Tenant, c.Token != ""})
}

func (a *App) contextList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the contexts",
		Args:  usage.NoArguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			file, err := a.ReadContexts(c.ErrOrStderr())
			if err != nil {
				return err
			}
			page := client.Page{Items: []json.RawMessage{}}
			for _, name := range slices.Sorted(maps.Keys(file.Contexts)) {
				page.Items = append(page.Items, viewOf(file, name))
			}
			return a.Printer(c).Page(page, []show.Column{{"NAME", "name"}, {"CURRENT", "current"}, {"SERVER", "server"}, {"TENANT", "tenant"}, {"TOKEN", "token"}})
		},
	}
}

// changeContexts is a command that changes one context of the file.
func (a *App) changeContexts(c *cobra.Command, change func(f *contexts.File, name string) error) *cobra.Command {
	c.Args = usage.Arguments(1, 1, "the name")
	c.ValidArgsFunction = a.CompleteContext
	c.RunE = func(c *cobra.Command, args []string) error {
		file, err := a.ReadContexts(c.ErrOrStderr())
		if err != nil {
			return err
		}
		if _, ok := file.Contexts[args[0]]; !ok {
			return usage.Errorf("there is no context %q: see tidings context list", args[0])
		}
		if err := change(&file, args[0]); err != nil {
			return err
		}
		return a.WriteContexts(file)
	}
	return c
}

func (a *App) contextUse() *cobra.Command {
	return a.changeContexts(&cobra.Command{Use: "use NAME", Short: "Make a context the current one"},
		func(f *contexts.File, name string) error {
			f.Current = name
			return nil
		})
}

func (a *App) contextRemove() *cobra.Command {
	c := &cobra.Command{Use: "remove NAME", Short: "Forget a context, and its token"}
	yes := call.BindYes(c)
	return a.changeContexts(c, func(f *contexts.File, name string) error {
		if f.Contexts[name].Token != "" {
			question := fmt.Sprintf("Forget the context %q? Its token is kept nowhere else by tidings.", name)
			if err := a.Confirm(c, *yes, func() string { return question }); err != nil {
				return err
			}
		}
		delete(f.Contexts, name)
		if f.Current == name {
			f.Current = ""
		}
		return nil
	})
}

func (a *App) contextShow() *cobra.Command {
	return &cobra.Command{
		Use:               "show [NAME]",
		Short:             "Show a context, or the current one, without its token",
		Args:              usage.Arguments(0, 1, "a name or none"),
		ValidArgsFunction: a.CompleteContext,
		RunE: func(c *cobra.Command, args []string) error {
			file, err := a.ReadContexts(c.ErrOrStderr())
			if err != nil {
				return err
			}
			name := file.Current
			if a.SaidContext != "" {
				name = a.SaidContext
			}
			if len(args) == 1 {
				name = args[0]
			}
			if name == "" {
				return usage.Errorf("no context is current: choose one with tidings context use NAME")
			}
			if _, ok := file.Contexts[name]; !ok {
				return usage.Errorf("there is no context %q: see tidings context list", name)
			}
			return a.Printer(c).Object(viewOf(file, name))
		},
	}
}
