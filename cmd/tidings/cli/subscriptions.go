package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

func (a *App) subscriptionsCommand() *cobra.Command {
	one := func(c *cobra.Command) *cobra.Command {
		c.ValidArgsFunction = a.complete("subscriptions", "id", "endpoint")
		return c
	}
	return usage.Group(&cobra.Command{Use: "subscriptions", Short: "List, make, change and remove subscriptions"},
		a.listCommand(listing{
			use: "list", short: "List the subscriptions",
			path:    within("subscriptions"),
			columns: []show.Column{{"SUBSCRIPTION", "id"}, {"ENDPOINT", "endpoint"}, {"TYPES", "types"}, {"FILTERS", "filters"}, {"HISTORY", "history.state"}},
			filters: []filter{{name: "endpoint", usage: "only those of this endpoint"}},
		}),
		one(a.getCommand(&cobra.Command{Use: "get SUBSCRIPTION", Short: "Show a subscription"}, "subscriptions")),
		a.subscriptionsCreate(),
		a.subscriptionsCheck(),
		one(a.subscriptionsUpdate()),
		one(a.deleteCommand(&cobra.Command{Use: "delete SUBSCRIPTION", Short: "Remove a subscription"}, "subscriptions", func(_ context.Context, s *session, id string) string {
			return fmt.Sprintf("Delete the subscription %s of the tenant %s? Events that it alone matches are delivered no more.", show.Clean(id), s.place.Tenant)
		})),
	)
}

func (a *App) subscriptionsCreate() *cobra.Command {
	var (
		b                    body
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
	b.bind(c.Flags())
	filters := bindFilter(c.Flags())
	c.Flags().StringVar(&channel, "channel", "", "only events on this channel")
	c.Flags().StringSliceVar(&user, "user", nil, "only events that involve one of these")
	c.Flags().StringVar(&deliverFrom, "deliver-from", "", "stored events first: all, or those since a time or so long ago")
	c.RunE = a.run(func(ctx context.Context, s *session) error {
		members := given(c, map[string]any{"channel": channel, "user": user}, map[string]any{"endpoint": s.args[0]})
		if len(s.args) > 1 {
			members["types"] = s.args[1:]
		}
		switch deliverFrom {
		case "":
		case "all":
			members["deliver_from"] = deliverFrom
		default:
			at, err := parseTime(deliverFrom, time.Now())
			if err != nil {
				return usage.Errorf("--deliver-from %q: use all, or %w", deliverFrom, err)
			}
			members["deliver_from"] = at.UTC().Format(time.RFC3339Nano)
		}
		if err := addFilters(members, *filters); err != nil {
			return err
		}
		in, err := b.object(s, members)
		if err != nil {
			return err
		}
		path, err := s.of(ctx, "subscriptions")
		if err != nil {
			return err
		}
		answer, err := s.api.Post(ctx, path, in)
		if err != nil {
			return Pointed(err, in)
		}
		defer s.hintTypes(ctx, texts(in["types"]))
		return s.printer(c).Object(answer)
	})
	return c
}

func (a *App) subscriptionsUpdate() *cobra.Command {
	var (
		b           body
		channel     string
		types, user []string
	)
	c := &cobra.Command{
		Use:     "update SUBSCRIPTION",
		Short:   "Change a subscription; what is not named stays",
		Example: "  tidings subscriptions update sub_gold --types order.paid,order.refunded --set filters=null",
	}
	b.bind(c.Flags())
	filters := bindFilter(c.Flags())
	c.Flags().StringVar(&channel, "channel", "", "only events on this channel")
	c.Flags().StringSliceVar(&types, "types", nil, "types of events, in place of those it has")
	c.Flags().StringSliceVar(&user, "user", nil, "only events that involve one of these")
	return a.patchCommand(c, "subscriptions", func(s *session) (map[string]any, error) {
		members := given(c, map[string]any{"channel": channel, "types": types, "user": user}, map[string]any{})
		if err := addFilters(members, *filters); err != nil {
			return nil, err
		}
		return b.object(s, members)
	})
}

func (a *App) subscriptionsCheck() *cobra.Command {
	var (
		b       body
		dialect string
	)
	c := &cobra.Command{
		Use:     "check [TYPE…]",
		Short:   "Say whether types and filters would be taken, and make nothing",
		Example: "  tidings subscriptions check order.paid --filter 'data.amount > 100'",
		Args:    usage.Arguments(0, 200, "types"),
		ValidArgsFunction: func(c *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return a.offer(c, within("types"), "type", "meaning"), cobra.ShellCompDirectiveNoFileComp
		},
	}
	b.bind(c.Flags())
	filters := bindFilter(c.Flags())
	c.Flags().StringVar(&dialect, "dialect", "", "of the endpoint: standard, cloudevents, roq, oneroute, roam or relaybox")
	c.RunE = a.run(func(ctx context.Context, s *session) error {
		members := given(c, map[string]any{"dialect": dialect}, map[string]any{})
		if len(s.args) > 0 {
			members["types"] = s.args
		}
		if err := addFilters(members, *filters); err != nil {
			return err
		}
		in, err := b.object(s, members)
		if err != nil {
			return err
		}
		path, err := s.of(ctx, "subscriptions", "check")
		if err != nil {
			return err
		}
		answer, err := s.api.Post(ctx, path, in)
		if err != nil {
			return Pointed(err, in)
		}
		defer s.hintTypes(ctx, texts(in["types"]))
		return a.printer(c).Object(answer)
	})
	return c
}

// addFilters adds the conditions of --filter, if there are any.
func addFilters(members map[string]any, written []string) error {
	if len(written) == 0 {
		return nil
	}
	filters, err := Filters(written)
	members["filters"] = filters
	return err
}
