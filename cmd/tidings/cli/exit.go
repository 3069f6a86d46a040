package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/client"
)

// Exit codes of the commands of this package.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitDenied      = 4
	exitUnreachable = 5
)

// usageError is a command that is worded wrongly.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// Unwrap leads to what was wrong.
func (e usageError) Unwrap() error { return e.error }

// ExitCode is what the process ends with after err; 0 if it is nil.
func ExitCode(err error) int {
	if err == nil {
		return 0
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	if _, ok := errors.AsType[unreachableError](err); ok {
		return exitUnreachable
	}
	e, ok := errors.AsType[*client.Error](err)
	switch {
	case !ok:
		return exitFailed
	case e.NotFound():
		return exitNotFound
	case e.Denied():
		return exitDenied
	case e.Unreachable():
		return exitUnreachable
	}
	return exitFailed
}

// arguments wants from least to most of them; words say in an error what is wanted.
func arguments(least, most int, words string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return usagef("%s: there are %d arguments, want %s: see %s --help", c.CommandPath(), len(args), words, c.CommandPath())
		}
		return nil
	}
}

func noArguments() cobra.PositionalArgs { return arguments(0, 0, "none") }

// group is a command of commands: alone it shows its help.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			return usagef("%s has no command %q: see %s --help", c.CommandPath(), args[0], c.CommandPath())
		},
	}
	c.AddCommand(commands...)
	return c
}
