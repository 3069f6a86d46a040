package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/client"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

func deliveryColumns() []show.Column {
	return []show.Column{{"DELIVERY", "id"}, {"STATUS", "status"}, {"TRIES", "attempts"}, {"CODE", "code"}, {"REASON", "reason"}, {"ENDPOINT", "endpoint"}, {"TYPE", "type"}, {"ACCEPTED", "accepted"}}
}

func deliveryFilters() []filter {
	return []filter{
		{name: "endpoint", usage: "only those to this endpoint"},
		{name: "event", usage: "only those of the event with this id"},
		{name: "source", usage: "only those of events of this source"},
		{name: "type", usage: "only those of events of this type"},
		{name: "subject", usage: "only those of events of this subject"},
		{name: "reason", usage: "only those whose last attempt ended for this reason, like timeout"},
		{name: "code", usage: "only those whose last attempt got this HTTP status"},
		{name: "since", usage: "only those of events accepted since a time, or so long ago, like 2h", kind: isTime},
		{name: "until", usage: "only those of events accepted before a time, or so long ago", kind: isTime},
	}
}

func (a *App) deliveriesCommand() *cobra.Command {
	one := func(c *cobra.Command) *cobra.Command {
		c.ValidArgsFunction = a.complete("deliveries", "id", "status")
		return c
	}
	return usage.Group(&cobra.Command{Use: "deliveries", Short: "Find deliveries, see what was tried, send them again"},
		a.deliveriesList(), one(a.deliveriesGet()),
		one(a.postCommand(&cobra.Command{Use: "resend DELIVERY", Short: "Send a delivery again that was delivered or is dead"}, "deliveries", "resend", nil)))
}

func (a *App) deliveriesList() *cobra.Command {
	filters := append(deliveryFilters(), filter{name: "status", usage: "only those that are waiting, retrying, delivered or dead"})
	l := listing{
		use: "list", short: "List deliveries, those of the newest events first",
		example: `  tidings deliveries list --status dead --endpoint ep_billing --since 2h
  tidings deliveries list --watch`,
		path: within("deliveries"), columns: deliveryColumns(), filters: filters,
	}
	c := a.listCommand(l)
	var (
		watch bool
		every time.Duration
	)
	c.Flags().BoolVar(&watch, "watch", false, "show new ones and how they go on, until it is interrupted; with -o json one document a line")
	c.Flags().DurationVar(&every, "every", 2*time.Second, "how often --watch looks")
	list := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if !watch {
			return list(c, args)
		}
		if every <= 0 {
			return usage.Errorf("--every %s: use more than 0s", every)
		}
		for _, name := range []string{"since", "until", "limit", "all", "cursor"} {
			if c.Flags().Changed(name) {
				return usage.Errorf("--watch shows what is accepted from now on: leave --%s out", name)
			}
		}
		return a.run(func(ctx context.Context, s *session) error {
			q := url.Values{}
			for _, f := range filters {
				if value := c.Flags().Lookup(f.name).Value.String(); value != "" && f.kind == isText {
					q.Set(f.name, value)
				}
			}
			path, err := s.of(ctx, "deliveries")
			if err != nil {
				return err
			}
			return s.watch(ctx, path, q, every)
		})(c, args)
	}
	return c
}

// watched is how many deliveries a watch looks at: the newest. It shows no change of
// one that is older.
const watched = 1000

// patience is how often in a row somebody who waits may get no answer: a server that
// is started anew is away for some seconds.
const patience = 5

// watch shows what was accepted since now, as it comes and changes, until ctx ends.
func (s *session) watch(ctx context.Context, path string, q url.Values, every time.Duration) error {
	q.Set("since", time.Now().UTC().Format(time.RFC3339Nano))
	shownAs := map[string]string{} // what was shown last of each of the newest
	failed := 0
	for {
		page, err := s.api.List(ctx, path, q, watched)
		switch e, ok := asError(err); {
		case ctx.Err() != nil:
			return nil
		case ok && e.Unreachable() && failed < patience:
			failed++
		case err != nil:
			return err
		default:
			failed = 0
			if err := s.showChanges(page.Items, shownAs); err != nil {
				return err
			}
		}
		if !pause(ctx, every) {
			return nil
		}
	}
}

// showChanges shows the deliveries that are not as they were, the oldest first.
func (s *session) showChanges(items []json.RawMessage, shownAs map[string]string) error {
	now := make(map[string]string, len(items))
	out := s.cmd.OutOrStdout()
	for _, item := range slices.Backward(items) {
		d, err := client.As[client.Delivery](item, nil)
		if err != nil {
			return err
		}
		state := d.Status + strconv.Itoa(d.Attempts)
		now[d.ID] = state
		if shownAs[d.ID] == state {
			continue
		}
		switch s.output {
		case "json":
			err = show.Line(out, item)
		case "id":
			err = show.IDs(out, item)
		default:
			err = s.printer(s.cmd).Table([][]string{show.Row(item, deliveryColumns())})
		}
		if err != nil {
			return err
		}
	}
	clear(shownAs)
	maps.Copy(shownAs, now)
	return nil
}

func (a *App) deadCommand() *cobra.Command {
	return usage.Group(&cobra.Command{Use: "dead", Short: "List the deliveries that were given up"}, a.listCommand(listing{
		use: "list", short: "List the deliveries that were given up; tidings recover sends them again",
		example: "  tidings dead list --endpoint ep_billing --since 24h",
		path:    within("deliveries"), columns: deliveryColumns(), filters: deliveryFilters(),
		fixed: url.Values{"status": {"dead"}},
	}))
}

func (a *App) deliveriesGet() *cobra.Command {
	c := &cobra.Command{Use: "get DELIVERY", Short: "Show a delivery, and all that was tried", Args: usage.Arguments(1, 1, "the id")}
	c.RunE = a.run(func(ctx context.Context, s *session) error {
		path, err := s.of(ctx, "deliveries", s.args[0])
		if err != nil {
			return err
		}
		answer, err := s.api.Get(ctx, path)
		if err != nil {
			return err
		}
		return s.showDelivery(answer)
	})
	return c
}

func (s *session) showDelivery(answer json.RawMessage) error {
	if s.output != "table" {
		return s.printer(s.cmd).Object(answer)
	}
	d, err := client.As[client.Delivery](answer, nil)
	if err != nil {
		return err
	}
	return s.timeline(s.cmd.OutOrStdout(), d)
}

// timeline tells a delivery's life from its event on.
func (s *session) timeline(w io.Writer, d client.Delivery) error {
	about := [][]string{
		{"delivery", show.Clean(d.ID)},
		{"status", d.Status},
		{"endpoint", show.Clean(d.Endpoint)},
		{"event", show.Clean(fmt.Sprintf("%s of %s, %s", d.Event.ID, d.Event.Source, d.Type))},
	}
	if d.Subject != "" {
		about = append(about, []string{"subject", show.Clean(d.Subject)})
	}
	if err := s.printer(s.cmd).Table(append(about, []string{"accepted", show.Moment(d.Accepted)})); err != nil {
		return err
	}
	rows := [][]string{{"", "AFTER", "CODE", "TOOK", "OUTCOME", "WHY"}}
	for _, at := range d.History {
		n, code := strconv.Itoa(at.N), "–"
		if at.N == 0 {
			n = "–"
		}
		if at.Status != 0 {
			code = strconv.Itoa(at.Status)
		}
		rows = append(rows, []string{n, at.At.Sub(d.Accepted).Round(time.Millisecond).String(), code, tookOf(at), show.Clean(at.Outcome), show.Clean(reasonOf(at))})
	}
	if len(rows) == 1 {
		_, err := fmt.Fprintln(w, "\nNothing was tried yet.")
		return err
	}
	fmt.Fprintln(w)
	if err := s.printer(s.cmd).Table(rows); err != nil {
		return err
	}
	if !d.Next.IsZero() && !d.Ended() {
		_, err := fmt.Fprintf(w, "\nThe next attempt is due at %s.\n", show.Moment(d.Next))
		return err
	}
	return nil
}

// tookOf is how long an attempt took, as exactly as people want to know.
func tookOf(at client.Attempt) string {
	d, err := time.ParseDuration(at.Took)
	if err != nil {
		return show.Clean(at.Took)
	}
	return d.Round(100 * time.Microsecond).String()
}

// reasonOf is what happened at an attempt, in one line.
func reasonOf(at client.Attempt) string {
	why := at.Why
	if at.Reason != "" && at.Reason != at.Why {
		why += " (" + at.Reason + ")"
	}
	if at.Detail != "" {
		why += ": " + at.Detail
	}
	if !at.Replay.IsZero() {
		why += ", sent again"
	}
	if x := at.Exchange; x != nil && x.Body != "" && at.Outcome != "delivered" {
		why += fmt.Sprintf(", answer %.60q", x.Body)
	}
	return why
}

const awaitEvery = 200 * time.Millisecond

// await waits for the outcome of a delivery, and shows it. One that was not delivered
// is an error.
func (s *session) await(ctx context.Context, id string, most time.Duration) error {
	path, err := s.of(ctx, "deliveries", id)
	if err != nil {
		return err
	}
	until, stop := context.WithTimeout(ctx, most)
	defer stop()
	var last json.RawMessage
	for {
		answer, err := s.api.Get(until, path)
		e, ok := asError(err)
		if err != nil && until.Err() == nil && (!ok || !e.NotFound()) { // the log may not have it yet
			return err
		}
		d, _ := client.As[client.Delivery](answer, err)
		if err == nil {
			last = answer
		}
		if d.Ended() {
			err := s.showDelivery(answer)
			if err == nil && d.Status != "delivered" {
				err = fmt.Errorf("delivery %s was not delivered: %s", id, show.Clean(d.Reason))
			}
			return err
		}
		if !pause(until, awaitEvery) {
			break
		}
	}
	if last != nil {
		if err := s.showDelivery(last); err != nil {
			return err
		}
	}
	return fmt.Errorf("delivery %s has no outcome after %s: see tidings deliveries get %s", id, most, id)
}
