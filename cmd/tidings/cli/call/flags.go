package call

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

// flagWords are the words that flags take, by the flag's name.
var flagWords = map[string][]string{
	"dialect":      {"standard", "cloudevents", "roq", "oneroute", "roam", "relaybox"},
	"validation":   {"reject", "quarantine", "warn"},
	"status":       {"waiting", "retrying", "delivered", "dead"},
	"roles":        {"all", "fanout", "dispatcher", "api"},
	"log-level":    {"debug", "info", "warn", "error"},
	"log-format":   {"text", "json"},
	"trace-trust":  {"fleet", "nobody"},
	"deliver-from": {"all"},
}

// mayBeEmpty are the flags of which an empty one means something: no name, the beginning
// of a list, no server or context whatever the variable says.
var mayBeEmpty = []string{"name", "cursor", "server", "context"}

// CheckFlags refuses an empty flag of a command that calls the API, as a shell makes one
// of a variable that is not set: --endpoint "$EP" is not to mean every endpoint.
func CheckFlags(c *cobra.Command) (err error) {
	if c.Flags().Lookup("server") == nil {
		return nil
	}
	c.Flags().Visit(func(f *pflag.Flag) {
		empty := f.Value.Type() == "string" && f.Value.String() == ""
		if list, ok := f.Value.(pflag.SliceValue); ok {
			empty = len(list.GetSlice()) == 0 || slices.Contains(list.GetSlice(), "")
		}
		if empty && err == nil && !slices.Contains(mayBeEmpty, f.Name) {
			err = usage.Errorf("--%s is empty: say which, or leave it out", f.Name)
		}
	})
	return err
}

// CompleteFlags has a shell offer the words of flags, of a command and all below it,
// where the command itself offers none.
func CompleteFlags(c *cobra.Command) {
	for name, words := range flagWords {
		if c.LocalFlags().Lookup(name) != nil {
			_ = c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)) // fails if the command does itself
		}
	}
	for _, below := range c.Commands() {
		CompleteFlags(below)
	}
}
