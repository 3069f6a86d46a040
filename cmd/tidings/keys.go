package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/keys"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

func keysCommand() *cobra.Command {
	var o keys.Options
	c := &cobra.Command{
		Use:   "keys",
		Short: "Make the keys and certificates of a deployment",
		Long: `Make what a deployment on a NATS cluster of its own needs to know its processes
by: an NKey for each user of deploy/nats/accounts.conf, the key of the secrets in the
registry, an administrator's token, and certificates of the NATS servers.

What exists is kept, so run it again whenever you like: it makes what is missing, and
the servers' certificate anew 60 days before it expires or when a host is added. That
stays for the hosts it was for: remove nats.pem to have one for the hosts given alone.`,
		Example: "  tidings keys --dir keys --nats-host nats-0,nats-1,nats-2",
		Args:    usage.NoArguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			done, err := keys.Make(o)
			for _, d := range done {
				state := "kept"
				if d.Made {
					state = "made"
				}
				_, _ = fmt.Fprintf(c.OutOrStdout(), "%s  %-24s %s\n", state, filepath.Join(o.Dir, d.File), d.For)
			}
			return err
		},
	}
	c.Flags().StringVar(&o.Dir, "dir", "keys", "folder of the files")
	c.Flags().StringSliceVar(&o.Hosts, "nats-host", []string{"localhost", "127.0.0.1", "::1"}, "names and addresses of the NATS servers, for their certificate")
	return c
}
