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

	"github.com/tidings-dev/tidings/cmd/tidings/cli/contexts"
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

// withBucket has the registry of a NATS account. A right that is missing ends do's context.
func withBucket(ctx context.Context, n config.NATS, do func(context.Context, *backup.Bucket) error) error {
	nc, err := connect(n)
	if err != nil {
		return err
	}
	defer nc.Close()
	return broker.Allowed(ctx, nc, func(ctx context.Context) error {
		bucket, err := backup.Open(ctx, nc)
		if err != nil {
			return err
		}
		return do(ctx, bucket)
	})
}

func (a *App) backupCommand() *cobra.Command {
	var (
		n     config.NATS
		out   string
		dir   string
		force bool
	)
	c := &cobra.Command{
		Use:   "backup",
		Short: "Write the whole registry into a file, or with --streams all that is stored into a folder",
		Long: `Write the whole registry into a file: tenants, endpoints with their secrets,
subscriptions, event types and tokens. It is read from NATS, since the API shows no
token's hash. Secrets stay sealed as they are: keep the key file, secrets.key in the
data directory, elsewhere. Events and the delivery log are not in it.

With --streams everything is written, into a folder that must not exist: the registry,
events, deliveries that wait, dead letters and the delivery log, but secrets.key. The
pipe goes on meanwhile. What was accepted before the backup began is in it.

Where NATS asks who connects, be the user of the role api, with its
--nats-inbox-prefix, _INBOX.api: no other may read all of it. For --streams be a user
of the same account that may do everything, and keep its seed as safe as the streams.`,
		Example: `  tidings backup --out registry.backup
  tidings backup --nats-url nats://a:4222 --nats-creds admin.creds > registry.backup
  tidings backup --streams /backups/tidings-1`,
		Args: usage.NoArguments(),
	}
	c.Flags().BoolVar(&force, "force", false, "replace the file if it exists")
	c.Flags().StringVar(&out, "out", "-", "the file, which only its owner may read, or - for the standard output")
	c.Flags().StringVar(&dir, "streams", "", "the folder for all that is stored, which must not exist")
	c.MarkFlagsMutuallyExclusive("streams", "out")
	c.MarkFlagsMutuallyExclusive("streams", "force")
	n.BindRemote(c.Flags(), defaultNATS)
	a.BindNATS(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := a.SameNATS(c); err != nil {
			return err
		}
		if dir != "" {
			return a.save(c, n, dir)
		}
		if _, err := os.Lstat(out); err == nil && out != "-" && !force {
			return usage.Errorf("%s exists: give another name, or --force to replace it", out)
		}
		return a.saveRegistry(c, n, out)
	}
	return c
}

// saveRegistry saves the registry alone.
func (a *App) saveRegistry(c *cobra.Command, n config.NATS, out string) error {
	bar := a.NewBar(c.ErrOrStderr())
	return withBucket(c.Context(), n, func(ctx context.Context, b *backup.Bucket) (err error) {
		var h backup.Header
		write := func(w io.Writer) error {
			h, err = b.Write(ctx, w, func(count int) { bar.Show(count, 0, "entries read") })
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

var users = regexp.MustCompile(`//[^/@,]*@`)

// withoutUsers are URLs without the users and passwords in them.
func withoutUsers(urls string) string { return users.ReplaceAllString(urls, "//") }
