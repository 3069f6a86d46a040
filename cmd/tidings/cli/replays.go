package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/call"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/client"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
	"github.com/tidings-dev/tidings/schemas"
)

func (a *App) replaysCommand() *cobra.Command {
	one := func(c *cobra.Command) *cobra.Command {
		c.ValidArgsFunction = a.Complete("replays", "id", "state")
		return c
	}
	return usage.Group(&cobra.Command{Use: "replays", Short: "See and end what tidings recover has begun"},
		a.List(call.Listing{
			Use: "list", Short: "List the replays that are running, and those that ended within 30 days",
			Path:    call.Within("replays"),
			Default: url.Values{"dry_run": {"false"}},
			Filters: []call.Filter{{Name: "dry-run", Usage: "those that only counted, instead", Kind: call.IsSwitch}},
			Columns: []show.Column{{"REPLAY", "id"}, {"STATE", "state"}, {"WHICH", "which"}, {"ENDPOINT", "endpoint"}, {"FOUND", "found"}, {"SENT", "sent"}, {"SKIPPED", "skipped"}, {"CREATED", "created"}},
		}),
		one(a.Get(&cobra.Command{Use: "get REPLAY", Short: "Show how far a replay has come"}, "replays")),
		one(a.Post(&cobra.Command{Use: "cancel REPLAY", Short: "End a replay; what it has sent stays sent"}, "replays", "cancel", nil)),
		one(a.replaysWatch()))
}

func (a *App) replaysWatch() *cobra.Command {
	c := &cobra.Command{Use: "watch REPLAY", Short: "Follow a replay until it ends", Args: usage.Arguments(1, 1, "the id")}
	c.RunE = a.Run(func(ctx context.Context, s *call.Session) error {
		answer, err := followReplay(ctx, s, s.Args[0])
		if ctx.Err() != nil {
			s.Tell("The replay %s goes on.", show.Clean(s.Args[0]))
			return nil
		}
		return showReplay(s, answer, err)
	})
	return c
}

// followEvery is how often somebody who waits for a replay looks.
const followEvery = 250 * time.Millisecond

// followReplay waits until a replay ends, and returns it.
func followReplay(ctx context.Context, s *call.Session, id string) (json.RawMessage, error) {
	path, err := s.Of(ctx, "replays", id)
	if err != nil {
		return nil, err
	}
	b := s.NewBar(s.Cmd.ErrOrStderr())
	defer b.End()
	for failed := 0; ; {
		answer, err := s.API.Get(ctx, path)
		e, ok := call.AsError(err)
		switch {
		case err == nil:
			failed = 0
		case ok && e.Unreachable() && failed < patience:
			failed++
		default:
			return nil, err
		}
		if err == nil {
			r, err := client.As[client.Replay](answer, nil)
			if err != nil || r.State != "running" {
				return answer, err
			}
			b.Show(r.Seen, known(r.Total), fmt.Sprintf("looked at, %d found, %d sent", r.Found, r.Sent))
		}
		if !call.Pause(ctx, followEvery) {
			return nil, ctx.Err()
		}
	}
}

func known(total *int) int {
	if total == nil {
		return 0
	}
	return *total
}

// showReplay shows a replay that has ended. One that was not done is an error.
func showReplay(s *call.Session, answer json.RawMessage, err error) error {
	if err != nil {
		return err
	}
	r, err := client.As[client.Replay](answer, nil)
	if err != nil {
		return err
	}
	if s.Output != "table" {
		err = s.Printer(s.Cmd).Object(answer)
	} else {
		_, err = fmt.Fprintf(s.Cmd.OutOrStdout(), "%s is %s: %d found, %d sent, %d skipped%s\n", show.Clean(r.ID), show.Clean(r.State), r.Found, r.Sent, r.Skipped, reasons(r))
	}
	if err == nil && r.State != "done" {
		err = fmt.Errorf("replay %s is %s: %s", show.Clean(r.ID), show.Clean(r.State), show.Clean(r.Error))
	}
	return err
}

// reasons are why some were skipped, like " (3 endpoint_deleted)"; empty if none was.
func reasons(r client.Replay) string {
	var by []string
	for _, reason := range slices.Sorted(maps.Keys(r.SkippedBy)) {
		by = append(by, fmt.Sprint(r.SkippedBy[reason], " ", show.Clean(reason)))
	}
	if by == nil {
		return ""
	}
	return " (" + strings.Join(by, ", ") + ")"
}

// recovery is what tidings recover was told.
type recovery struct {
	request      client.ReplayRequest
	since, until string
	rate         string
	dryRun       bool
	yes          *bool
}

func (a *App) recoverCommand() *cobra.Command {
	var r recovery
	c := &cobra.Command{
		Use:   "recover",
		Short: "Send again what died, once its receiver works again",
		Long: `Send again what died, once its receiver works again. First it is counted, then
you are asked, then it is sent, at a rate, by the server: this command only follows
it, and may be interrupted. Receivers know a delivery again by its webhook-id.

With --which missing an endpoint gets what it never got: events that its
subscriptions match now.`,
		Example: `  tidings recover --endpoint ep_billing --since 2h
  tidings recover --since 2026-01-31T12:00:00Z --reason exhausted --rate 50/s --yes
  tidings recover --endpoint ep_new --which missing --since 7d --dry-run`,
		Args: usage.NoArguments(),
	}
	f := c.Flags()
	f.StringVar(&r.request.Endpoint, "endpoint", "", "the endpoint (default: all of the tenant's)")
	f.StringVar(&r.request.Which, "which", "failed", "what is sent: failed, what died; missing, what was never on its way; all, whatever became of it")
	f.StringVar(&r.since, "since", "", "what was accepted since a time, or so long ago, like 2h or 3d (required)")
	f.StringVar(&r.until, "until", "", "and before a time, or so long ago (default: now)")
	f.StringSliceVar(&r.request.Types, "type", nil, "only of events of these types, or patterns like user.*")
	f.StringVar(&r.request.Reason, "reason", "", "only what died for this reason, like exhausted")
	f.StringVar(&r.rate, "rate", "", "deliveries in a time, like 50/s or 600/m (default 100/s)")
	f.BoolVar(&r.dryRun, "dry-run", false, "only count")
	r.yes = call.BindYes(c)
	_ = c.RegisterFlagCompletionFunc("endpoint", a.Complete("endpoints", "id", "name")) // the flags exist
	_ = c.RegisterFlagCompletionFunc("which", cobra.FixedCompletions([]string{"failed", "missing", "all"}, cobra.ShellCompDirectiveNoFileComp))
	c.RunE = a.Run(func(ctx context.Context, s *call.Session) error {
		if err := r.read(time.Now()); err != nil {
			return err
		}
		return recoverDeliveries(ctx, s, r)
	})
	return c
}

// read makes the request of what was written.
func (r *recovery) read(now time.Time) (err error) {
	if r.since == "" {
		return usage.Errorf("say since when: --since 2h, or a time")
	}
	if r.request.Since, err = call.ParseTime(r.since, now); err != nil {
		return usage.Errorf("--since %q: %w", r.since, err)
	}
	r.request.Until = now // what is counted is what is sent
	if r.until != "" {
		if r.request.Until, err = call.ParseTime(r.until, now); err != nil {
			return usage.Errorf("--until %q: %w", r.until, err)
		}
	}
	if r.rate == "" {
		return nil
	}
	var rate schemas.Rate
	if err := rate.UnmarshalText([]byte(r.rate)); err != nil {
		return usage.Errorf("--rate: %w", err)
	}
	if r.request.Rate = int(float64(rate.Count) / rate.Per.Seconds()); r.request.Rate < 1 {
		return usage.Errorf("--rate %s: use 1/s or more", r.rate)
	}
	return nil
}

// recoverDeliveries counts, asks, and sends.
func recoverDeliveries(ctx context.Context, s *call.Session, r recovery) error {
	dry := r.request
	dry.DryRun = true
	count, answer, err := runReplay(ctx, s, dry)
	if err != nil {
		return err
	}
	sends := count.Found - count.Skipped
	promise := show.Count(sends, "delivery", "deliveries") + " would be sent again."
	if count.Skipped > 0 {
		promise += fmt.Sprintf(" %d more cannot be%s.", count.Skipped, reasons(count))
	}
	if r.dryRun || sends == 0 {
		if s.Output != "table" {
			return s.Printer(s.Cmd).Object(answer)
		}
		_, err := fmt.Fprintln(s.Cmd.OutOrStdout(), promise)
		return err
	}
	if err := s.Confirm(s.Cmd, *r.yes, func() string { return promise + " Go on?" }); err != nil {
		return fmt.Errorf("%s %w", promise, err)
	}
	_, answer, err = runReplay(ctx, s, r.request)
	return showReplay(s, answer, err)
}

// runReplay begins a replay and follows it to its end. If ctx ends before, a person may
// say whether it is to go on.
func runReplay(ctx context.Context, s *call.Session, request client.ReplayRequest) (r client.Replay, answer json.RawMessage, err error) {
	path, err := s.Of(ctx, "replays")
	if err != nil {
		return r, nil, err
	}
	if r, err = client.As[client.Replay](s.API.Post(ctx, path, request)); err != nil {
		return r, nil, err
	}
	if answer, err = followReplay(ctx, s, r.ID); err == nil {
		r, err = client.As[client.Replay](answer, nil)
	} else if ctx.Err() != nil {
		err = leave(context.WithoutCancel(ctx), s, r.ID, request.DryRun)
	}
	if err == nil && request.DryRun && r.State != "done" {
		err = fmt.Errorf("replay %s is %s: %s", show.Clean(r.ID), show.Clean(r.State), show.Clean(r.Error))
	}
	return r, answer, err
}

// leave ends what follows a replay, and the replay itself if a person wants that. A
// count is of no use to anybody else.
func leave(ctx context.Context, s *call.Session, id string, dryRun bool) error {
	left := fmt.Errorf("interrupted: the replay %s goes on: follow it with tidings replays watch %s, end it with tidings replays cancel %s", id, id, id)
	if !dryRun && (!s.Asks() || !s.AskUntil(ctx, s.Cmd, fmt.Sprintf("\nThe replay %s goes on without this command. End it instead?", id))) {
		return left
	}
	path, err := s.Of(ctx, "replays", id, "cancel")
	if err == nil {
		_, err = s.API.Post(ctx, path, nil)
	}
	if err != nil {
		return fmt.Errorf("%w (it was not ended: %w)", left, err)
	}
	return fmt.Errorf("interrupted: the replay %s is ended; what it had sent stays sent", id)
}
