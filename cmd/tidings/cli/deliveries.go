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

	"github.com/tidings-dev/tidings/cmd/tidings/cli/call"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/client"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

func deliveryColumns() []show.Column {
	return []show.Column{{"DELIVERY", "id"}, {"STATUS", "status"}, {"TRIES", "attempts"}, {"CODE", "code"}, {"REASON", "reason"}, {"ENDPOINT", "endpoint"}, {"TYPE", "type"}, {"ACCEPTED", "accepted"}}
}

func deliveryFilters() []call.Filter {
	return []call.Filter{
		{Name: "endpoint", Usage: "only those to this endpoint"},
		{Name: "event", Usage: "only those of the event with this id"},
		{Name: "source", Usage: "only those of events of this source"},
		{Name: "type", Usage: "only those of events of this type"},
		{Name: "subject", Usage: "only those of events of this subject"},
		{Name: "reason", Usage: "only those whose last attempt ended for this reason, like timeout"},
		{Name: "code", Usage: "only those whose last attempt got this HTTP status"},
		{Name: "since", Usage: "only those of events accepted since a time, or so long ago, like 2h", Kind: call.IsTime},
		{Name: "until", Usage: "only those of events accepted before a time, or so long ago", Kind: call.IsTime},
	}
}

func (a *App) deliveriesCommand() *cobra.Command {
	one := func(c *cobra.Command) *cobra.Command {
		c.ValidArgsFunction = a.Complete("deliveries", "id", "status")
		return c
	}
	return usage.Group(&cobra.Command{Use: "deliveries", Short: "Find deliveries, see what was tried, send them again"},
		a.deliveriesList(), one(a.deliveriesGet()),
		one(a.Post(&cobra.Command{Use: "resend DELIVERY", Short: "Send a delivery again that was delivered or is dead"}, "deliveries", "resend", nil)))
}

func (a *App) deliveriesList() *cobra.Command {
	filters := append(deliveryFilters(), call.Filter{Name: "status", Usage: "only those that are waiting, retrying, delivered or dead"})
	l := call.Listing{
		Use: "list", Short: "List deliveries, those of the newest events first",
		Example: `  tidings deliveries list --status dead --endpoint ep_billing --since 2h
  tidings deliveries list --watch`,
		Path: call.Within("deliveries"), Columns: deliveryColumns(), Filters: filters,
	}
	c := a.List(l)
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
		return a.Run(func(ctx context.Context, s *call.Session) error {
			q := url.Values{}
			for _, f := range filters {
				if value := c.Flags().Lookup(f.Name).Value.String(); value != "" && f.Kind == call.IsText {
					q.Set(f.Name, value)
				}
			}
			path, err := s.Of(ctx, "deliveries")
			if err != nil {
				return err
			}
			return watchDeliveries(ctx, s, path, q, every)
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

// watchDeliveries shows what was accepted since now, as it comes and changes, until ctx ends.
func watchDeliveries(ctx context.Context, s *call.Session, path string, q url.Values, every time.Duration) error {
	q.Set("since", time.Now().UTC().Format(time.RFC3339Nano))
	shownAs := map[string]string{} // what was shown last of each of the newest
	failed := 0
	for {
		page, err := s.API.List(ctx, path, q, watched)
		switch e, ok := call.AsError(err); {
		case ctx.Err() != nil:
			return nil
		case ok && e.Unreachable() && failed < patience:
			failed++
		case err != nil:
			return err
		default:
			failed = 0
			if err := showChanges(s, page.Items, shownAs); err != nil {
				return err
			}
		}
		if !call.Pause(ctx, every) {
			return nil
		}
	}
}

// showChanges shows the deliveries that are not as they were, the oldest first.
func showChanges(s *call.Session, items []json.RawMessage, shownAs map[string]string) error {
	now := make(map[string]string, len(items))
	out := s.Cmd.OutOrStdout()
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
		switch s.Output {
		case "json":
			err = show.Line(out, item)
		case "id":
			err = show.IDs(out, item)
		default:
			err = s.Printer(s.Cmd).Table([][]string{show.Row(item, deliveryColumns())})
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
	return usage.Group(&cobra.Command{Use: "dead", Short: "List the deliveries that were given up"}, a.List(call.Listing{
		Use: "list", Short: "List the deliveries that were given up; tidings recover sends them again",
		Example: "  tidings dead list --endpoint ep_billing --since 24h",
		Path:    call.Within("deliveries"), Columns: deliveryColumns(), Filters: deliveryFilters(),
		Fixed: url.Values{"status": {"dead"}},
	}))
}

func (a *App) deliveriesGet() *cobra.Command {
	c := &cobra.Command{Use: "get DELIVERY", Short: "Show a delivery, and all that was tried", Args: usage.Arguments(1, 1, "the id")}
	c.RunE = a.Run(func(ctx context.Context, s *call.Session) error {
		path, err := s.Of(ctx, "deliveries", s.Args[0])
		if err != nil {
			return err
		}
		answer, err := s.API.Get(ctx, path)
		if err != nil {
			return err
		}
		return showDelivery(s, answer)
	})
	return c
}

func showDelivery(s *call.Session, answer json.RawMessage) error {
	if s.Output != "table" {
		return s.Printer(s.Cmd).Object(answer)
	}
	d, err := client.As[client.Delivery](answer, nil)
	if err != nil {
		return err
	}
	return timeline(s, s.Cmd.OutOrStdout(), d)
}

// timeline tells a delivery's life from its event on.
func timeline(s *call.Session, w io.Writer, d client.Delivery) error {
	about := [][]string{
		{"delivery", show.Clean(d.ID)},
		{"status", d.Status},
		{"endpoint", show.Clean(d.Endpoint)},
		{"event", show.Clean(fmt.Sprintf("%s of %s, %s", d.Event.ID, d.Event.Source, d.Type))},
	}
	if d.Subject != "" {
		about = append(about, []string{"subject", show.Clean(d.Subject)})
	}
	if err := s.Printer(s.Cmd).Table(append(about, []string{"accepted", show.Moment(d.Accepted)})); err != nil {
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
	if err := s.Printer(s.Cmd).Table(rows); err != nil {
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

// awaitDelivery waits for the outcome of a delivery, and shows it. One that was not delivered
// is an error.
func awaitDelivery(ctx context.Context, s *call.Session, id string, most time.Duration) error {
	path, err := s.Of(ctx, "deliveries", id)
	if err != nil {
		return err
	}
	until, stop := context.WithTimeout(ctx, most)
	defer stop()
	var last json.RawMessage
	for {
		answer, err := s.API.Get(until, path)
		e, ok := call.AsError(err)
		if err != nil && until.Err() == nil && (!ok || !e.NotFound()) { // the log may not have it yet
			return err
		}
		d, _ := client.As[client.Delivery](answer, err)
		if err == nil {
			last = answer
		}
		if d.Ended() {
			err := showDelivery(s, answer)
			if err == nil && d.Status != "delivered" {
				err = fmt.Errorf("delivery %s was not delivered: %s", id, show.Clean(d.Reason))
			}
			return err
		}
		if !call.Pause(until, awaitEvery) {
			break
		}
	}
	if last != nil {
		if err := showDelivery(s, last); err != nil {
			return err
		}
	}
	return fmt.Errorf("delivery %s has no outcome after %s: see tidings deliveries get %s", id, most, id)
}
