package cli

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/call"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/client"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

func (a *App) endpointsCommand() *cobra.Command {
	one := func(c *cobra.Command) *cobra.Command {
		c.ValidArgsFunction = a.Complete("endpoints", "id", "name")
		return c
	}
	return usage.Group(&cobra.Command{Use: "endpoints", Short: "List, make, change, pause and test endpoints"},
		a.List(call.Listing{
			Use: "list", Short: "List the endpoints",
			Path:    call.Within("endpoints"),
			Columns: []show.Column{{"ENDPOINT", "id"}, {"STATUS", "status"}, {"DIALECT", "dialect"}, {"NAME", "name"}, {"URL", "url"}},
		}),
		a.List(call.Listing{
			Use: "failing", Short: "List the endpoints of which something failed in the last day, the worst first",
			Example: "  tidings endpoints failing --since 15m",
			Path:    call.Within("counts", "endpoints"),
			Columns: []show.Column{{"ENDPOINT", "endpoint"}, {"STATUS", "status"}, {"NAME", "name"}, {"TRIES", "attempts"}, {"DELIVERED", "delivered"}, {"RETRIED", "retried"}, {"DEAD", "dead"}},
			Filters: []call.Filter{
				{Name: "since", Usage: "what happened since a time, or so long ago, like 15m", Kind: call.IsTime},
				{Name: "until", Usage: "and before a time, or so long ago", Kind: call.IsTime},
			},
		}),
		one(a.Get(&cobra.Command{Use: "get ENDPOINT", Short: "Show an endpoint"}, "endpoints")),
		a.endpointsCreate(),
		one(a.endpointsUpdate()),
		one(a.Delete(&cobra.Command{Use: "delete ENDPOINT", Short: "Remove an endpoint and its subscriptions"}, "endpoints", askToDeleteEndpoint)),
		one(a.Post(&cobra.Command{Use: "pause ENDPOINT", Short: "Let the endpoint's deliveries wait"}, "endpoints", "pause", nil)),
		one(a.endpointsResume()),
		one(a.Post(&cobra.Command{Use: "disable ENDPOINT", Short: "Let the endpoint's deliveries die until it is enabled"}, "endpoints", "disable", nil)),
		one(a.Post(&cobra.Command{Use: "enable ENDPOINT", Short: "Deliver again to an endpoint that is disabled"}, "endpoints", "enable", nil)),
		one(a.endpointsRotate()),
		one(a.endpointsSecrets()),
		one(a.endpointsTest()),
	)
}

// endpointFlags are those by which an endpoint is made or changed.
type endpointFlags struct {
	call.Body
	name, dialect, mode, url string
	headers                  []string
	pull                     bool
}

func (e *endpointFlags) bind(c *cobra.Command) {
	e.Bind(c.Flags())
	f := c.Flags()
	f.StringVar(&e.name, "name", "", "what people call it")
	f.StringVar(&e.dialect, "dialect", "", "standard, cloudevents, roq, oneroute, roam or relaybox")
	f.StringVar(&e.mode, "mode", "", "form of the dialect, where it has several")
	f.BoolVar(&e.pull, "pull", false, "keep its deliveries to be pulled, and send none; it has no URL then")
	f.StringArrayVar(&e.headers, "header", nil, "sent with each request, like \"X-Key: value\"; kept like a secret")
}

func (e *endpointFlags) members(c *cobra.Command) (map[string]any, error) {
	m := given(c, map[string]any{"name": e.name, "dialect": e.dialect, "mode": e.mode, "url": e.url, "pull": e.pull}, map[string]any{})
	headers := map[string]any{}
	for _, h := range e.headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok { // the text is not repeated: it may be a secret
			return nil, usage.Errorf("--header: write it like \"X-Key: value\"")
		}
		headers[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	if len(headers) > 0 {
		m["headers"] = headers
	}
	return m, nil
}

func (a *App) endpointsCreate() *cobra.Command {
	var (
		e         endpointFlags
		secret    string
		subscribe []string
	)
	c := &cobra.Command{
		Use:   "create URL",
		Short: "Make an endpoint, and show its signing secret this once",
		Example: `  tidings endpoints create https://billing.example.com/hooks --name billing --subscribe 'order.*'
  tidings endpoints create https://billing.example.com/hooks --set policy.rate=100/s --set 'policy.retry=["5s","5m"]'`,
		Args: usage.Arguments(0, 1, "the URL, or none with --from"),
	}
	e.bind(c)
	c.Flags().StringVar(&secret, "secret", "", "file of the secret to sign with, or - for the standard input; one is made by default")
	c.Flags().StringSliceVar(&subscribe, "subscribe", nil, "types of events that it gets, like order.*; makes a subscription")
	c.RunE = a.Run(func(ctx context.Context, s *call.Session) error {
		members, err := e.members(c)
		if err != nil {
			return err
		}
		if len(s.Args) == 1 {
			members["url"] = s.Args[0]
		}
		if err := addSecret(s, members, secret); err != nil {
			return err
		}
		in, err := e.Object(s, members)
		if err != nil {
			return err
		}
		if err := checkTypes(ctx, s, in, subscribe); err != nil {
			return err
		}
		path, err := s.Of(ctx, "endpoints")
		if err != nil {
			return err
		}
		answer, err := s.API.Post(ctx, path, in)
		if err != nil {
			return err
		}
		if err := s.Printer(c).Object(answer); err != nil || len(subscribe) == 0 {
			return err
		}
		defer s.HintTypes(ctx, subscribe)
		return subscribeTo(ctx, s, show.Text(answer, "id"), subscribe)
	})
	return c
}

// checkTypes refuses types that the endpoint could not be subscribed to, before it is
// made.
func checkTypes(ctx context.Context, s *call.Session, endpoint map[string]any, types []string) error {
	if len(types) == 0 {
		return nil
	}
	path, err := s.Of(ctx, "subscriptions", "check")
	if err != nil {
		return err
	}
	in := map[string]any{"types": types}
	if dialect, ok := endpoint["dialect"]; ok {
		in["dialect"] = dialect
	}
	_, err = s.API.Post(ctx, path, in)
	return err
}

// subscribeTo subscribes an endpoint that was made a moment ago.
func subscribeTo(ctx context.Context, s *call.Session, endpoint string, types []string) error {
	path, err := s.Of(ctx, "subscriptions")
	if err != nil {
		return err
	}
	answer, err := s.API.Post(ctx, path, map[string]any{"endpoint": endpoint, "types": types})
	if err != nil {
		s.Tell("The endpoint %s is made, its subscription is not: tidings subscriptions create %s TYPE…", endpoint, endpoint)
		return err
	}
	s.Tell("Subscribed by %s.", show.Text(answer, "id"))
	return nil
}

// addSecret reads a secret, if one is to be read, into the member of its name.
func addSecret(s *call.Session, members map[string]any, file string) error {
	if file == "" {
		return nil
	}
	content, err := s.Read(file)
	if err != nil {
		return err
	}
	members["secret"] = strings.TrimSpace(string(content))
	return nil
}

func (a *App) endpointsUpdate() *cobra.Command {
	var e endpointFlags
	c := &cobra.Command{
		Use:   "update ENDPOINT",
		Short: "Change an endpoint; what is not named stays",
		Example: `  tidings endpoints update ep_billing --url https://billing.example.com/v2
  tidings endpoints update ep_billing --set policy.rate=10/s --set policy.timeout=null`,
	}
	e.bind(c)
	c.Flags().StringVar(&e.url, "url", "", "where it is")
	return a.Patch(c, "endpoints", func(s *call.Session) (map[string]any, error) {
		members, err := e.members(c)
		if err != nil {
			return nil, err
		}
		return e.Object(s, members)
	})
}

func (a *App) endpointsResume() *cobra.Command {
	var from string
	c := &cobra.Command{
		Use: "resume ENDPOINT", Short: "Deliver again to an endpoint that is paused, or drop what waits for one",
		Example: "  tidings endpoints resume ep_billing --from now --yes",
	}
	yes := call.BindYes(c)
	c.Flags().StringVar(&from, "from", "oldest", "what of that which waits is delivered: oldest, all of it; now, none; or what was accepted since a time or so long ago")
	return a.Post(c, "endpoints", "resume", func(s *call.Session) (map[string]any, error) {
		if from != "oldest" && from != "now" {
			at, err := call.ParseTime(from, time.Now())
			if err != nil {
				return nil, usage.Errorf("--from %q: use oldest or now, or %w", from, err)
			}
			from = at.UTC().Format(time.RFC3339Nano)
		}
		if from == "oldest" { // nothing is dropped
			return map[string]any{"from": from}, nil
		}
		what := "all that waits"
		if from != "now" {
			what = "what was accepted before " + from
		}
		return map[string]any{"from": from}, a.Confirm(c, *yes, func() string {
			return fmt.Sprintf("Give up %s for the endpoint %s?", what, show.Clean(s.Args[0]))
		})
	})
}

func (a *App) endpointsRotate() *cobra.Command {
	var overlap, secret string
	c := &cobra.Command{Use: "rotate ENDPOINT", Short: "Sign with a new secret, and show it this once; the old one signs too for a while"}
	c.Flags().StringVar(&overlap, "overlap", "", "how long the old secrets still sign, like 48h (default 24h)")
	c.Flags().StringVar(&secret, "secret", "", "file of the new secret, or - for the standard input; one is made by default")
	yes := call.BindYes(c)
	return a.Post(c, "endpoints", "rotate", func(s *call.Session) (map[string]any, error) {
		members := map[string]any{}
		if overlap != "" {
			members["overlap"] = overlap
		}
		if d, err := time.ParseDuration(overlap); err == nil && d == 0 {
			err := a.Confirm(c, *yes, func() string {
				return fmt.Sprintf("End the old secrets of the endpoint %s at once? Its receiver refuses deliveries until it has the new one.", show.Clean(s.Args[0]))
			})
			if err != nil {
				return nil, err
			}
		}
		return members, addSecret(s, members, secret)
	})
}

func (a *App) endpointsSecrets() *cobra.Command {
	c := &cobra.Command{Use: "secrets ENDPOINT", Short: "Show the secrets that the endpoint's deliveries are signed with, newest first", Args: usage.Arguments(1, 1, "the id")}
	c.RunE = a.Run(func(ctx context.Context, s *call.Session) error {
		path, err := s.Of(ctx, "endpoints", s.Args[0], "secrets")
		if err != nil {
			return err
		}
		page, err := client.As[client.Page](s.API.Get(ctx, path))
		if err != nil {
			return err
		}
		return s.Printer(c).Page(page, []show.Column{{"SECRET", "secret"}, {"EXPIRES", "expires"}})
	})
	return c
}

func (a *App) endpointsTest() *cobra.Command {
	var (
		eventType string
		wait      time.Duration
	)
	c := &cobra.Command{
		Use:   "test ENDPOINT",
		Short: "Send an example to an endpoint, whatever it is subscribed to",
		Long: `Send an example to an endpoint, whatever it is subscribed to. To one that is pulled
from it is not sent: it waits in the endpoint's queue until it is fetched, and --wait
waits for what whoever fetches it says.`,
		Example: "  tidings endpoints test ep_billing --wait 30s",
		Args:    usage.Arguments(1, 1, "the id"),
	}
	c.Flags().StringVar(&eventType, "type", "", "type of the example (default: one that the dialect has words for)")
	c.Flags().DurationVar(&wait, "wait", 0, "wait so long for the outcome, and show it; it is an error if it was not delivered")
	c.RunE = a.Run(func(ctx context.Context, s *call.Session) error {
		path, err := s.Of(ctx, "endpoints", s.Args[0], "test")
		if err != nil {
			return err
		}
		in := map[string]any{}
		if eventType != "" {
			in["type"] = eventType
		}
		answer, err := s.API.Post(ctx, path, in)
		if err != nil {
			return err
		}
		tellIfPulled(ctx, s, s.Args[0])
		if wait <= 0 {
			return s.Printer(c).Object(answer)
		}
		return awaitDelivery(ctx, s, show.Text(answer, "delivery"), wait)
	})
	return c
}

// tellIfPulled tells that an example waits to be fetched, if it does.
func tellIfPulled(ctx context.Context, s *call.Session, endpoint string) {
	path, err := s.Of(ctx, "endpoints", endpoint)
	if err != nil {
		return
	}
	e, err := client.As[struct{ Pull bool }](s.API.Get(ctx, path))
	if err == nil && e.Pull {
		s.Tell("The endpoint %s is pulled from: the example waits in its queue until it is fetched.", show.Clean(endpoint))
	}
}

// askToDeleteEndpoint asks about an endpoint with what goes with it.
func askToDeleteEndpoint(ctx context.Context, s *call.Session, id string) string {
	question := fmt.Sprintf("Delete the endpoint %s of the tenant %s?", show.Clean(id), s.Place.Tenant)
	var with []string
	for _, status := range []string{"waiting", "retrying"} {
		if n := s.CountOf(ctx, "deliveries", url.Values{"endpoint": {id}, "status": {status}}); n != "" {
			with = append(with, n+" "+status)
		}
	}
	if len(with) > 0 {
		question += " Of its deliveries, " + strings.Join(with, " and ") + " will be given up."
	}
	if n := s.CountOf(ctx, "subscriptions", url.Values{"endpoint": {id}}); n != "" {
		question += " Its subscriptions (" + n + ") go with it."
	}
	return question + " There is no way back."
}
