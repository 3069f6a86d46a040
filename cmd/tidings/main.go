// Command tidings is the whole pipe in one binary.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/bench"
	"github.com/tidings-dev/tidings/cmd/tidings/cli"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/call"
	"github.com/tidings-dev/tidings/cmd/tidings/demo"
	"github.com/tidings-dev/tidings/cmd/tidings/listen"
	"github.com/tidings-dev/tidings/cmd/tidings/pipe"
	"github.com/tidings-dev/tidings/cmd/tidings/simulate"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
	"github.com/tidings-dev/tidings/config"
)

// gcPercent lets the heap grow to four times what is live before it is
// collected: the pipe keeps little and makes much garbage. GOGC overrides it,
// and GOMEMLIMIT bounds it.
const gcPercent = 300

// impatience is how long after the first signal another one ends the process at once.
const impatience = time.Second

func main() {
	if _, ok := os.LookupEnv("GOGC"); !ok {
		debug.SetGCPercent(gcPercent)
	}
	librariesLogTo(slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() { // ends with the process
		<-signals
		stop()
		// Some signal the process and then its group, like timeout(1): that is one.
		for asked := time.Now(); time.Since(asked) < impatience; {
			<-signals
		}
		os.Exit(1)
	}()
	if err := rootCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "tidings: "+err.Error())
		os.Exit(usage.ExitCode(err))
	}
}

// environment is what the command line may know of where it runs.
func environment() call.Environment {
	settings, _ := os.UserConfigDir() // without one, contexts need a flag
	terminal := func(f *os.File) bool { return isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()) }
	dumb := os.Getenv("TERM") == "dumb"
	return call.Environment{
		Agent:     "tidings/" + pipe.Version(),
		ConfigDir: settings,
		Asks:      terminal(os.Stdin) && terminal(os.Stderr),
		Color:     terminal(os.Stdout) && os.Getenv("NO_COLOR") == "" && !dumb,
		Bars:      terminal(os.Stderr) && !dumb,
	}
}

func rootCommand() *cobra.Command {
	a := cli.New(environment())
	c := usage.Group(&cobra.Command{
		Use:           "tidings",
		Short:         "Webhook delivery pipeline on NATS JetStream",
		SilenceErrors: true,
		SilenceUsage:  true,
		// Flags left alone are taken from TIDINGS_* variables.
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			if err := call.CheckFlags(c); err != nil {
				return err
			}
			return config.FromEnvironment(c.Flags())
		},
	})
	c.SetOut(os.Stdout)
	c.AddCommand(runCommand(), demo.Command(), publishCommand(a), listen.Command(a), bench.Command(), simulate.Command(bench.CheckModel), bench.SinkCommand(), verifyCommand(), typesCommand(a.TypeCommands()...), configCommand(), keysCommand(), readyCommand(), versionCommand())
	c.AddCommand(a.Commands()...)
	call.CompleteFlags(c)
	usage.Hold(c)
	return c
}

func runCommand() *cobra.Command {
	var s config.Settings
	c := &cobra.Command{
		Use:   "run",
		Short: "Run the pipe, or some of its roles",
		Long: `Run the pipe: fanout, dispatcher and api, on the embedded JetStream broker.

With --nats-url the same binary runs against a NATS server or cluster, and with
--roles each process does its part of the work. Processes of a role share the
partitions among themselves. Every flag can also be set by a variable: --http-addr
by TIDINGS_HTTP_ADDR.`,
		Args: usage.NoArguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			name := pipe.Name()
			log, told, err := pipe.StartTelemetry(c.Context(), name, &s)
			if err != nil {
				return err
			}
			defer pipe.EndTelemetry(c.Context(), told, log) // after all has stopped
			librariesLogTo(log)
			p, err := pipe.Start(c.Context(), s, log, pipe.Hooks{Name: name, Telemetry: told, AdminToken: func(token string) { showToken(c.OutOrStdout(), s, token) }})
			if err != nil {
				return err
			}
			defer reloadOnHangup(c.Context(), p)()
			log.Info("running", "roles", s.Roles, "http", p.HTTPAddr, "nats", p.NATSURL, "version", pipe.Version())
			err = p.Wait(c.Context())
			log.Info("stopping", "grace", s.Grace)
			if err != nil {
				stopSoon(p, s.Grace, log)
				return err
			}
			err = p.Stop()
			log.Info("stopped")
			return err
		},
	}
	s.Bind(c.Flags())
	return c
}

// librariesLogTo has what libraries say to the standard logger at the level debug:
// net/http has a line there for each frame of a receiver's that it does not know.
func librariesLogTo(log *slog.Logger) {
	slog.SetLogLoggerLevel(slog.LevelDebug)
	slog.SetDefault(log)
}

// stopSoon stops a process of which a part has failed, as far as that works: what
// others wait for may be what has failed.
func stopSoon(p *pipe.Process, grace time.Duration, log *slog.Logger) {
	stopped := make(chan struct{})
	go func() { // ends with the process at the latest
		defer close(stopped)
		_ = p.Stop() // why it failed is known
	}()
	select {
	case <-stopped:
	case <-time.After(2 * grace):
		log.Error("not all has stopped in time")
	}
}

// showToken shows the first admin token, and what to do with it.
func showToken(out io.Writer, s config.Settings, token string) {
	console := ""
	if s.Console.On && !strings.HasSuffix(s.HTTPAddr, ":0") {
		console = fmt.Sprintf("\n  It opens the console: http://%s/#link=%s\n", s.HTTPAddr, token)
	}
	server := ""
	if at := "http://" + s.HTTPAddr; at != call.DefaultServer && !strings.HasSuffix(at, ":0") {
		server = " --server " + at
	}
	_, _ = fmt.Fprintf(out, `
  This pipe has no admin token yet, so here is one. It is not shown again:

      %s

  Calls of /v1 carry it as "Authorization: Bearer <token>"; the command line keeps it
  with: tidings context add local%s --token -
%s
`, token, server, console)
}

// reloadOnHangup applies the static file again at each SIGHUP, until stopped.
func reloadOnHangup(ctx context.Context, p *pipe.Process) (stop func()) {
	hangups, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(hangups, syscall.SIGHUP)
	go func() { // ends when stop closes hangups
		defer close(done)
		for range hangups {
			p.Reload(ctx)
		}
	}()
	return func() {
		signal.Stop(hangups)
		close(hangups)
		<-done
	}
}
