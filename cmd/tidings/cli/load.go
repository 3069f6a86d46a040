package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/call"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/client"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

// load is what happened to a tenant in a time.
type load struct {
	Tenant    string `json:"tenant"`
	Accepted  int    `json:"accepted"`
	Matched   int    `json:"matched"`
	Delivered int    `json:"delivered"`
	Retried   int    `json:"retried"`
	Dead      int    `json:"dead"`
}

// loadOrders are what --by may say.
var loadOrders = map[string]func(load) int{
	"events": func(l load) int { return l.Accepted }, "deliveries": func(l load) int { return l.Matched },
	"retried": func(l load) int { return l.Retried }, "dead": func(l load) int { return l.Dead },
}

func (a *App) tenantsLoad() *cobra.Command {
	var (
		since, by string
		limit     int
	)
	c := &cobra.Command{
		Use:   "load",
		Short: "Show which tenants have the most events, failures or dead letters (an administrator's)",
		Long: `Show which tenants have the most events, deliveries, failed attempts or dead letters
since a time: who publishes too much, and whom an outage or a release has hit.

It is counted from the delivery log, tenant by tenant, with one request for each: so
what the log is behind is missing, and thousands of tenants take a while.`,
		Example: `  tidings tenants load --since 15m
  tidings tenants load --since 2h --by dead -o id`,
		Args: usage.NoArguments(),
	}
	c.Flags().StringVar(&since, "since", "1h", "from a time on, or from so long ago, like 15m")
	c.Flags().StringVar(&by, "by", "events", "what the first have most of: events, deliveries, retried, or dead")
	c.Flags().IntVar(&limit, "limit", 10, "show at most so many; those with nothing are left out")
	c.RunE = a.Run(func(ctx context.Context, s *call.Session) error {
		order := loadOrders[by]
		if order == nil {
			return usage.Errorf("--by %q: use events, deliveries, retried or dead", by)
		}
		if limit < 1 {
			return usage.Errorf("--limit %d: use 1 or more", limit)
		}
		from, err := call.ParseTime(since, time.Now())
		if err != nil {
			return usage.Errorf("--since %q: %w", since, err)
		}
		loads, err := tenantLoads(ctx, s, from)
		if err != nil {
			return err
		}
		loads = slices.DeleteFunc(loads, func(l load) bool { return order(l) == 0 })
		slices.SortFunc(loads, func(a, b load) int {
			return cmp.Or(cmp.Compare(order(b), order(a)), cmp.Compare(a.Tenant, b.Tenant))
		})
		var page client.Page
		for _, l := range loads[:min(limit, len(loads))] {
			item, err := json.Marshal(l)
			if err != nil {
				return err
			}
			page.Items = append(page.Items, item)
		}
		return s.Printer(c).Page(page, []show.Column{
			{"TENANT", "tenant"}, {"EVENTS", "accepted"}, {"DELIVERIES", "matched"}, {"DELIVERED", "delivered"}, {"RETRIED", "retried"}, {"DEAD", "dead"},
		})
	})
	return c
}

// tenantLoads asks for each tenant.
func tenantLoads(ctx context.Context, s *call.Session, since time.Time) (loads []load, err error) {
	tenants, err := s.API.List(ctx, "/v1/tenants", url.Values{}, 0)
	if err != nil {
		return nil, err
	}
	q := url.Values{"since": {since.UTC().Format(time.RFC3339Nano)}}
	for _, item := range tenants.Items {
		sum := load{Tenant: show.Text(item, "id")}
		points, err := client.As[struct{ Items []load }](s.API.Do(ctx, client.Request{
			Method: http.MethodGet, Path: client.Path("v1", "tenants", sum.Tenant, "counts"), Query: q, // one page
		}))
		if err != nil {
			return nil, err
		}
		for _, point := range points.Items {
			sum.Accepted += point.Accepted
			sum.Matched += point.Matched
			sum.Delivered += point.Delivered
			sum.Retried += point.Retried
			sum.Dead += point.Dead
		}
		loads = append(loads, sum)
	}
	return loads, nil
}
