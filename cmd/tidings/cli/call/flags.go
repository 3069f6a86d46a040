package call

import "github.com/spf13/cobra"

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
