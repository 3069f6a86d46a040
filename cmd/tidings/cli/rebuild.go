package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/call"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/schemas"
)

const (
	// rebuildLook is how often it is looked how far a rebuild has come.
	rebuildLook = 250 * time.Millisecond
	// rebuildBegins is how long a process may take to begin one: it looks once a second,
	// and what it has in hand may take a while.
	rebuildBegins = time.Minute
)

func (a *App) logCommand() *cobra.Command {
	return usage.Group(&cobra.Command{Use: "log", Short: "Look after the delivery log"}, a.logRebuild())
}

// rebuild is what tidings log rebuild was told.
type rebuild struct {
	dataDir, database string
	nats              config.NATS
	noWait            bool
}

func (a *App) logRebuild() *cobra.Command {
	var r rebuild
	c := &cobra.Command{
		Use:   "rebuild",
		Short: "Have the searchable delivery log made anew of the stream LOG",
		Long: `Have the searchable delivery log made anew of the stream LOG: when its database was
damaged, or restored from a copy. Nothing is lost of what LOG has; meanwhile searches
find less, and deliveries go on.

The process with the role api does it, within seconds if it runs, or when it starts;
this command follows it, and may be interrupted. --no-wait asks for it and ends: then
no NATS is needed. Run it where that process runs, as the same user, with its
--data-dir or --log-database. Several processes with databases of their own are asked
one by one. Where NATS asks who connects, be the user of the role api.`,
		Example: `  tidings log rebuild --data-dir ./data
  tidings log rebuild --log-database postgres://tidings@db/tidings --nats-url nats://a:4222 --yes
  tidings log rebuild --data-dir ./data --no-wait --yes`,
		Args: usage.NoArguments(),
	}
	yes := call.BindYes(c)
	c.Flags().StringVar(&r.dataDir, "data-dir", "./data", "folder of the process with the role api, which has its log.db")
	c.Flags().StringVar(&r.database, "log-database", "", "its --log-database: a PostgreSQL URL or the path of an SQLite file; empty for log.db in --data-dir")
	c.Flags().BoolVar(&r.noWait, "no-wait", false, "ask for it, and do not follow it")
	r.nats.BindRemote(c.Flags(), defaultNATS)
	c.RunE = func(c *cobra.Command, _ []string) error {
		url, name, err := r.place()
		if err != nil {
			return err
		}
		err = a.Confirm(c, *yes, func() string {
			return fmt.Sprintf("Empty the searchable delivery log in %s, and make it anew of the stream LOG?", name)
		})
		if err != nil {
			return err
		}
		return a.rebuild(c, r, url, name)
	}
	return c
}

// place is where the database is, and how it is named to people.
func (r rebuild) place() (url, name string, err error) {
	url = r.database
	if url == "" {
		url = filepath.Join(r.dataDir, "log.db")
	}
	if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
		return url, withoutUsers(url), nil
	}
	if _, err := os.Stat(url); errors.Is(err, fs.ErrNotExist) {
		return "", "", usage.Errorf("%s does not exist: say where the process with the role api has it, with --data-dir or --log-database; one that does not exist is made when it starts", url)
	} else if err != nil {
		return "", "", usage.Wrong(err)
	}
	return url, url, nil
}

// rebuild asks for it, and follows whoever does it.
func (a *App) rebuild(c *cobra.Command, r rebuild, url, name string) error {
	var js jetstream.JetStream
	if !r.noWait { // before anything is emptied
		nc, err := connect(r.nats)
		if err != nil {
			return fmt.Errorf("%w; nothing was done: start the process with the role api, or add --no-wait", err)
		}
		defer nc.Close()
		if js, err = jetstream.New(nc); err != nil {
			return err
		}
	}
	store, err := deliverylog.Open(c.Context(), url)
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // what was asked for is written
	p := deliverylog.NewProjector(js, store, deliverylog.Options{})
	if !r.noWait {
		if _, err := p.Progress(c.Context()); err != nil {
			return fmt.Errorf("%w; nothing was done", err)
		}
	}
	if err := p.Rebuild(c.Context()); err != nil {
		return err
	}
	if r.noWait {
		fmt.Fprintf(c.OutOrStdout(), "The delivery log in %s will be made anew by the process with the role api: at once if it runs, else when it starts.\n", name)
		return nil
	}
	b := a.NewBar(c.ErrOrStderr())
	defer b.End()
	made, err := followRebuild(c.Context(), p.Progress, func(m deliverylog.Progress) { b.Show(int(m.Applied), int(m.Last), "messages of LOG") }) //nolint:gosec // sequences of this century
	b.End()
	if err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "The delivery log in %s is made anew, up to message %d of LOG.\n", name, made.Applied)
	return nil
}

// followRebuild looks until there is nothing left to read.
func followRebuild(ctx context.Context, look func(context.Context) (deliverylog.Progress, error), show func(deliverylog.Progress)) (made deliverylog.Progress, err error) {
	for began := time.Now(); ; {
		made, err = look(ctx)
		switch {
		case ctx.Err() != nil:
			return made, errors.New("interrupted: the delivery log is made anew all the same")
		case err != nil:
			return made, err
		case made.Emptying && time.Since(began) > rebuildBegins:
			return made, schemas.Errorf(schemas.CodeUnavailable, "no process has begun within %s: the delivery log is made anew when the process with the role api starts on this database", rebuildBegins)
		case !made.Emptying && made.Lag == 0:
			return made, nil
		case !made.Emptying:
			show(made)
		}
		call.Pause(ctx, rebuildLook)
	}
}
