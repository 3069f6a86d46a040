package usage

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// Arguments wants from least to most of them, none of which may be empty, as one is that
// a shell makes of a variable that is not set; words say in an error what is wanted.
func Arguments(least, most int, words string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return Errorf("%s: there %s, want %s: see %s --help", c.CommandPath(), count(len(args)), words, c.CommandPath())
		}
		if i := slices.Index(args, ""); i >= 0 {
			return Errorf("%s: argument %d is empty, want %s", c.CommandPath(), i+1, words)
		}
		return nil
	}
}

func count(n int) string {
	if n == 1 {
		return "is 1 argument"
	}
	return fmt.Sprintf("are %d arguments", n)
}

// NoArguments wants none.
func NoArguments() cobra.PositionalArgs { return Arguments(0, 0, "none") }

// Group makes a command one of commands: alone it shows its help.
func Group(c *cobra.Command, commands ...*cobra.Command) *cobra.Command {
	c.Args = cobra.ArbitraryArgs
	c.SuggestionsMinimumDistance = 2 // letters that differ; cobra uses it only if it is set
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		meant := ""
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			meant = ": did you mean " + strings.Join(near, " or ") + "?"
		}
		return Errorf("%s has no command %q%s: see %s --help", c.CommandPath(), args[0], meant, c.CommandPath())
	}
	c.AddCommand(commands...)
	return c
}

// parsing is what strconv says before it says what is wrong.
var parsing = regexp.MustCompile(`strconv\.\w+: parsing "(\\.|[^"\\])*": `)

// Hold holds a command, and all below it, to the exit codes: what is wrong with their
// arguments, flags and variables, and with those of the commands that cobra adds.
func Hold(root *cobra.Command) {
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return Errorf("%s: see %s --help", parsing.ReplaceAllString(err.Error(), ""), c.CommandPath())
	})
	if before := root.PersistentPreRunE; before != nil {
		root.PersistentPreRunE = func(c *cobra.Command, args []string) error { return Wrong(before(c, args)) }
	}
	root.SetHelpCommand(helpCommand(root))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	if c, _, err := root.Find([]string{"completion"}); err == nil && c != root {
		for _, shell := range c.Commands() {
			shell.Args = NoArguments()
		}
		Group(c)
	}
	for _, c := range below(root) {
		if check := c.Args; check != nil {
			c.Args = func(c *cobra.Command, args []string) error { return Wrong(check(c, args)) }
		}
	}
}

func below(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, b := range c.Commands() {
		all = append(all, below(b)...)
	}
	return all
}

// helpCommand is cobra's own, but for a command that there is not: that is an error.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show the help of a command",
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) (words []cobra.Completion, _ cobra.ShellCompDirective) {
			if c, _, err := root.Find(args); err == nil {
				for _, b := range c.Commands() {
					if b.IsAvailableCommand() {
						words = append(words, cobra.CompletionWithDesc(b.Name(), b.Short))
					}
				}
			}
			return words, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			c, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 && c.HasSubCommands() {
				return Errorf("there is no command %q: see %s --help", "tidings "+strings.Join(args, " "), c.CommandPath())
			}
			c.InitDefaultHelpFlag()
			return c.Help()
		},
	}
}
