package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/call"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

func (a *App) subscriptionsCommand() *cobra.Command {
	one := func(c *cobra.Command) *cobra.Command {
		c.ValidArgsFunction = a.Complete("subscriptions", "id", "endpoint")
		return c
	}
	return usage.Group(&cobra.Command{Use: "subscriptions", Short: "List, make, change and remove subscriptions"},
		a.List(call.Listing{
			Use: "list", Short: "List the subscriptions",
			Path:    call.Within("subscriptions"),
			Columns: []show.Column{{"SUBSCRIPTION", "id"}, {"ENDPOINT", "endpoint"}, {"TYPES", "types"}, {"FILTERS", "filters"}, {"HISTORY", "history.state"}},
			Filters: []call.Filter{{Name: "endpoint", Usage: "only those of this endpoint"}},
		}),
		one(a.Get(&cobra.Command{Use: "get SUBSCRIPTION", Short: "Show a subscription"}, "subscriptions")),
		a.subscriptionsCreate(),
		a.subscriptionsCheck(),
		one(a.subscriptionsUpdate()),
		one(a.Delete(&cobra.Command{Use: "delete SUBSCRIPTION", Short: "Remove a subscription"}, "subscriptions", func(_ context.Context, s *call.Session, id string) string {
			return fmt.Sprintf("Delete the subscription %s of the tenant %s? Events that it alone matches are delivered no more.", show.Clean(id), s.Place.Tenant)
		})),
	)
}

func (a *App) subscriptionsCreate() *cobra.Command {
	var (
		b                    call.Body
		channel, deliverFrom string
		user                 []string
	)
	c := &cobra.Command{
		Use:   "create ENDPOINT TYPE…",
		Short: "Subscribe an endpoint to types of events",
		Example: `  tidings subscriptions create ep_billing 'order.*' user.created --deliver-from 24h
  tidings subscriptions create ep_billing order.paid --filter 'data.amount > 100'
  tidings subscriptions create ep_billing order.paid --filter '{"exact":{"/customer/plan":"gold"}}'`,
		Args:              usage.Arguments(1, 200, "the endpoint and types"),
		ValidArgsFunction: a.completeSubscription,
	}
	b.Bind(c.Flags())
	filters := call.BindFilter(c.Flags())
	c.Flags().StringVar(&channel, "channel", "", "only events on this channel")
	c.Flags().StringSliceVar(&user, "user", nil, "only events that involve one of these")
	c.Flags().StringVar(&deliverFrom, "deliver-from", "", "stored events first: all, or those since a time or so long ago")
	c.RunE = a.Run(func(ctx context.Context, s *call.Session) error {
		members := given(c, map[string]any{"channel": channel, "user": user}, map[string]any{"endpoint": s.Args[0]})
		if len(s.Args) > 1 {
			members["types"] = s.Args[1:]
		}
		switch deliverFrom {
		case "":
		case "all":
			members["deliver_from"] = deliverFrom
		default:
			at, err := call.ParseTime(deliverFrom, time.Now())
			if err != nil {
				return usage.Errorf("--deliver-from %q: use all, or %w", deliverFrom, err)
			}
			members["deliver_from"] = at.UTC().Format(time.RFC3339Nano)
		}
		if err := addFilters(members, *filters); err != nil {
			return err
		}
		in, err := b.Object(s, members)
		if err != nil {
			return err
		}
		return postSubscription(ctx, a.Printer(c), s, in, "subscriptions")
	})
	return c
}

func (a *App) subscriptionsUpdate() *cobra.Command {
	var (
		b           call.Body
		channel     string
		types, user []string
	)
	c := &cobra.Command{
		Use:     "update SUBSCRIPTION",
		Short:   "Change a subscription; what is not named stays",
		Example: "  tidings subscriptions update sub_gold --types order.paid,order.refunded --set filters=null",
	}
	b.Bind(c.Flags())
	filters := call.BindFilter(c.Flags())
	c.Flags().StringVar(&channel, "channel", "", "only events on this channel")
	c.Flags().StringSliceVar(&types, "types", nil, "types of events, in place of those it has")
	c.Flags().StringSliceVar(&user, "user", nil, "only events that involve one of these")
	return a.Patch(c, "subscriptions", func(s *call.Session) (map[string]any, error) {
		members := given(c, map[string]any{"channel": channel, "types": types, "user": user}, map[string]any{})
		if err := addFilters(members, *filters); err != nil {
			return nil, err
		}
		return b.Object(s, members)
	})
}

func (a *App) subscriptionsCheck() *cobra.Command {
	var (
		b       call.Body
		dialect string
	)
	c := &cobra.Command{
		Use:     "check [TYPE…]",
		Short:   "Say whether types and filters would be taken, and make nothing",
		Example: "  tidings subscriptions check order.paid --filter 'data.amount > 100'",
		Args:    usage.Arguments(0, 200, "types"),
		ValidArgsFunction: func(c *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return a.Offer(c, call.Within("types"), "type", "meaning"), cobra.ShellCompDirectiveNoFileComp
		},
	}
	b.Bind(c.Flags())
	filters := call.BindFilter(c.Flags())
	c.Flags().StringVar(&dialect, "dialect", "", "of the endpoint: standard, cloudevents, roq, oneroute, roam or relaybox")
	c.RunE = a.Run(func(ctx context.Context, s *call.Session) error {
		members := given(c, map[string]any{"dialect": dialect}, map[string]any{})
		if len(s.Args) > 0 {
			members["types"] = s.Args
		}
		if err := addFilters(members, *filters); err != nil {
			return err
		}
		in, err := b.Object(s, members)
		if err != nil {
			return err
		}
		return postSubscription(ctx, a.Printer(c), s, in, "subscriptions", "check")
	})
	return c
}

// postSubscription sends one to a path of the tenant's, shows the answer, and tells of
// types that look mistyped.
func postSubscription(ctx context.Context, p show.Printer, s *call.Session, in map[string]any, path ...string) error {
	to, err := s.Of(ctx, path...)
	if err != nil {
		return err
	}
	answer, err := s.API.Post(ctx, to, in)
	if err != nil {
		return call.Pointed(err, in)
	}
	defer s.HintTypes(ctx, call.Texts(in["types"]))
	return p.Object(answer)
}

// addFilters adds the conditions of --filter, if there are any.
func addFilters(members map[string]any, written []string) error {
	if len(written) == 0 {
		return nil
	}
	filters, err := call.Filters(written)
	members["filters"] = filters
	return err
}

// completeSubscription offers an endpoint, then types.
func (a *App) completeSubscription(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return a.Offer(c, call.Within("endpoints"), "id", "name"), cobra.ShellCompDirectiveNoFileComp
	}
	return a.Offer(c, call.Within("types"), "type", "meaning"), cobra.ShellCompDirectiveNoFileComp
}
