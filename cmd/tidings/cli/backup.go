package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/call"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/contexts"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/broker"
	"github.com/tidings-dev/tidings/config/registry/backup"
)

const defaultNATS = "nats://127.0.0.1:4222"

func connect(n config.NATS) (*nats.Conn, error) {
	remote := broker.Remote{URL: n.URL, Creds: n.Creds, NKey: n.NKey, CA: n.CA, Cert: n.Cert, Key: n.Key, InboxPrefix: n.Inbox}
	return remote.Connect("tidings backup", slog.New(slog.DiscardHandler))
}

// withBucket has the registry of a NATS account.
func withBucket(ctx context.Context, n config.NATS, do func(*backup.Bucket) error) error {
	nc, err := connect(n)
	if err != nil {
		return err
	}
	defer nc.Close()
	bucket, err := backup.Open(ctx, nc)
	if err != nil {
		return err
	}
	return do(bucket)
}

func (a *App) backupCommand() *cobra.Command {
	var (
		n     config.NATS
		out   string
		force bool
	)
	c := &cobra.Command{
		Use:   "backup",
		Short: "Write the whole registry into a file: tenants, endpoints, subscriptions, types and tokens",
		Long: `Write the whole registry into a file: tenants, endpoints with their secrets,
subscriptions, event types and tokens. It is read from NATS, since the API shows no
token's hash. Secrets stay sealed as they are: keep the key file, secrets.key in the
data directory, elsewhere. Events and the delivery log are not in it.

Where NATS asks who connects, be the user of the role api, with its
--nats-inbox-prefix, _INBOX.api: no other may read all of it.`,
		Example: `  tidings backup --out registry.backup
  tidings backup --nats-url nats://a:4222 --nats-creds admin.creds > registry.backup`,
		Args: usage.NoArguments(),
	}
	c.Flags().BoolVar(&force, "force", false, "replace the file if it exists")
	c.Flags().StringVar(&out, "out", "-", "the file, which only its owner may read, or - for the standard output")
	n.BindRemote(c.Flags(), defaultNATS)
	a.BindNATS(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := a.SameNATS(c); err != nil {
			return err
		}
		if _, err := os.Lstat(out); err == nil && out != "-" && !force {
			return usage.Errorf("%s exists: give another name, or --force to replace it", out)
		}
		bar := a.NewBar(c.ErrOrStderr())
		return withBucket(c.Context(), n, func(b *backup.Bucket) (err error) {
			var h backup.Header
			write := func(w io.Writer) error {
				h, err = b.Write(c.Context(), w, func(count int) { bar.Show(count, 0, "entries read") })
				return err
			}
			if out == "-" {
				err = write(c.OutOrStdout())
			} else {
				err = contexts.ReplaceFile(filepath.Clean(out), write)
			}
			bar.End()
			if err == nil {
				fmt.Fprintf(c.ErrOrStderr(), "%d entries of the registry at %s are written.\n", h.Count, withoutUsers(n.URL))
			}
			return err
		})
	}
	return c
}

func (a *App) restoreCommand() *cobra.Command {
	var (
		n     config.NATS
		force bool
	)
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup back into an empty registry",
		Long: `Put a backup back into an empty registry, on NATS. A file that is cut short or
altered is refused before anything is written. Start the processes on the key file
of the backup's time first: secrets open with the keys that sealed them. They act on
nothing of it until all of it is there.

With --force what the registry holds is replaced, tokens too: what is not in the
backup is removed.`,
		Example: "  tidings restore registry.backup --nats-url nats://127.0.0.1:4222",
		Args:    usage.Arguments(1, 1, "the file"),
	}
	c.Flags().BoolVar(&force, "force", false, "replace what the registry holds")
	yes := call.BindYes(c)
	n.BindRemote(c.Flags(), defaultNATS)
	a.BindNATS(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := a.SameNATS(c); err != nil {
			return err
		}
		f, err := os.Open(args[0])
		if err != nil {
			return usage.Wrong(err)
		}
		defer f.Close() //nolint:errcheck // read only
		if force {
			question := fmt.Sprintf("Replace all that the registry at %s holds, tokens too? What is not in %s is removed.", withoutUsers(n.URL), args[0])
			if err := a.Confirm(c, *yes, func() string { return question }); err != nil {
				return err
			}
		}
		bar := a.NewBar(c.ErrOrStderr())
		return withBucket(c.Context(), n, func(b *backup.Bucket) error {
			done, err := b.Restore(c.Context(), f, backup.Options{Replace: force, Written: func(n, all int) { bar.Show(n, all, "entries") }})
			bar.End()
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%d entries of %s are written to the registry at %s, %d were removed.\n", done.Written, show.Moment(done.Header.Made), withoutUsers(n.URL), done.Removed)
			if done.LeftOut > 0 {
				fmt.Fprintf(c.ErrOrStderr(), "The stream of events is another one than then: %d notes of positions in it are left out (how far histories and replays had come).\n", done.LeftOut)
			}
			return nil
		})
	}
	return c
}

var users = regexp.MustCompile(`//[^/@,]*@`)

// withoutUsers are URLs without the users and passwords in them.
func withoutUsers(urls string) string { return users.ReplaceAllString(urls, "//") }
