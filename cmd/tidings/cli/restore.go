package cli

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/call"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/broker"
	"github.com/tidings-dev/tidings/config/registry/backup"
	"github.com/tidings-dev/tidings/config/saved"
	"github.com/tidings-dev/tidings/schemas"
)

// restoring are the flags of restore.
type restoring struct {
	nats     config.NATS
	force    bool
	yes      *bool
	into     string
	replicas int
}

func (a *App) restoreCommand() *cobra.Command {
	var r restoring
	c := &cobra.Command{
		Use:   "restore FILE|FOLDER",
		Short: "Put a backup back into an empty registry, or all streams into an empty place",
		Long: `Put a backup back into an empty registry, on NATS. A file that is cut short or
altered is refused before anything is written. Start the processes on the key file
of the backup's time first: secrets open with the keys that sealed them. They act on
nothing of it until all of it is there.

With --force what the registry holds is replaced, tokens too: what is not in the
backup is removed.

A folder that backup --streams made goes into a place that has nothing of Tidings,
while no process of Tidings runs there: a NATS account by --nats-url, or a data
directory by --into. Copy secrets.key into its place too, then start the
processes. What was delivered while the backup was made, or after it, is delivered
again, with the same webhook-id.`,
		Example: `  tidings restore registry.backup --nats-url nats://127.0.0.1:4222
  tidings restore /backups/tidings-1 --into ./data
  tidings restore /backups/tidings-1 --nats-url nats://a:4222,nats://b:4222 --replicas 3`,
		Args: usage.Arguments(1, 1, "the file or folder"),
	}
	c.Flags().BoolVar(&r.force, "force", false, "replace what the registry holds")
	c.Flags().StringVar(&r.into, "into", "", "of a folder: restore into this data directory for tidings run, which has no streams yet, rather than to NATS")
	c.Flags().IntVar(&r.replicas, "replicas", 0, "of a folder: replicas of all streams, 1 or 3; 0 is as many as there were; with --into it is 1")
	r.yes = call.BindYes(c)
	r.nats.BindRemote(c.Flags(), defaultNATS)
	c.Flags().StringVar(&r.nats.Users, "nats-users", "", "of a folder, with --into: the file of users, if tidings run is to have one")
	a.BindNATS(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		info, err := os.Stat(args[0])
		if err != nil {
			return usage.Wrong(err)
		}
		if info.IsDir() {
			return a.restoreFolder(c, r, args[0])
		}
		if r.into != "" {
			return usage.Errorf("%s is a file, of the registry alone: --into is for a folder that backup --streams made", args[0])
		}
		if err := a.SameNATS(c); err != nil {
			return err
		}
		return a.restoreFile(c, r, args[0])
	}
	return c
}

// restoreFile restores the registry.
func (a *App) restoreFile(c *cobra.Command, r restoring, path string) error {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return usage.Wrong(err)
	}
	defer f.Close() //nolint:errcheck // read only
	n := r.nats
	if r.force {
		question := fmt.Sprintf("Replace all that the registry at %s holds, tokens too? What is not in %s is removed.", withoutUsers(n.URL), path)
		if err := a.Confirm(c, *r.yes, func() string { return question }); err != nil {
			return err
		}
	}
	bar := a.NewBar(c.ErrOrStderr())
	return withBucket(c.Context(), n, func(ctx context.Context, b *backup.Bucket) error {
		done, err := b.Restore(ctx, f, backup.Options{Replace: r.force, Written: func(n, all int) { bar.Show(n, all, "entries") }})
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

// restoreFolder restores everything.
func (a *App) restoreFolder(c *cobra.Command, r restoring, dir string) error {
	switch {
	case r.force:
		return usage.Errorf("a folder is restored into an empty place only, without --force: name another data directory or account")
	case r.into != "" && r.replicas > 1:
		return usage.Errorf("--replicas is %d, and --into is for one server: leave --replicas out, or restore to a cluster by --nats-url", r.replicas)
	case r.replicas != 0 && r.replicas != 1 && r.replicas != 3:
		return usage.Errorf("--replicas is %d: use 1, or 3 on a cluster", r.replicas)
	}
	if r.into != "" {
		return a.restoreHere(c, r, dir)
	}
	if err := a.SameNATS(c); err != nil {
		return err
	}
	nc, err := connect(r.nats)
	if err != nil {
		return err
	}
	defer nc.Close()
	return a.putBack(c, nc, dir, r.replicas, withoutUsers(r.nats.URL))
}

// restoreHere restores into a data directory, by the server that tidings run embeds.
func (a *App) restoreHere(c *cobra.Command, r restoring, dir string) (err error) {
	if _, err := saved.Read(dir, func(int64, int64) {}); err != nil { // before a directory is made
		return err
	}
	streams := filepath.Join(r.into, "jetstream")
	for _, used := range []string{streams, filepath.Join(r.into, "log.db")} {
		if _, err := os.Lstat(used); err == nil {
			return schemas.Errorf(schemas.CodeConflict, "%s is there already: restore into a data directory that tidings run has not used; nothing was written", used)
		}
	}
	s, err := broker.StartEmbedded(c.Context(), broker.Embedded{DataDir: r.into, Users: r.nats.Users}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() {
		s.Close()
		if err != nil {
			_ = os.RemoveAll(streams) // this made it
		}
	}()
	nc, err := s.Connect("tidings restore", slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer nc.Close()
	return a.putBack(c, nc, dir, 1, r.into)
}

func (a *App) putBack(c *cobra.Command, nc *nats.Conn, dir string, replicas int, place string) error {
	bar := a.NewBar(c.ErrOrStderr())
	m, err := saved.Restore(c.Context(), nc, dir, saved.Options{Replicas: replicas, Told: told(bar)})
	bar.End()
	if err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "%s are restored to %s.\n", m, place)
	return nil
}

// save saves everything.
func (a *App) save(c *cobra.Command, n config.NATS, dir string) error {
	nc, err := connect(n)
	if err != nil {
		return err
	}
	defer nc.Close()
	bar := a.NewBar(c.ErrOrStderr())
	m, err := saved.Save(c.Context(), nc, filepath.Clean(dir), told(bar))
	bar.End()
	if err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "%s are written to %s.\n", m, dir)
	return nil
}

// told shows some of what it is told.
func told(bar *show.Bar) func(what string, done int64) {
	var last time.Time
	return func(what string, done int64) {
		if now := time.Now(); now.Sub(last) > time.Second/10 {
			bar.Show(int(done), 0, what)
			last = now
		}
	}
}
