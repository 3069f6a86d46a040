package cli

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/client"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

// listing is a command that lists things.
type listing struct {
	use, short, example string
	// path is of the list.
	path    func(ctx context.Context, s *session) (string, error)
	columns []show.Column
	filters []filter
	// fixed are filters that nobody may change.
	fixed url.Values
}

// filter is a flag that becomes a parameter of the API, of the same name.
type filter struct {
	name, usage string
	kind        filterKind
}

type filterKind int

const (
	isText filterKind = iota
	isTime            // a time, or how long ago
	isSwitch
)

// within is the path of a list of the tenant's.
func within(segments ...string) func(context.Context, *session) (string, error) {
	return func(ctx context.Context, s *session) (string, error) { return s.of(ctx, segments...) }
}

const defaultLimit = 50

// listCommand makes the command.
func (a *App) listCommand(l listing) *cobra.Command {
	var (
		limit  int
		all    bool
		cursor string
	)
	c := &cobra.Command{Use: l.use, Short: l.short, Example: l.example, Args: usage.NoArguments()}
	f := c.Flags()
	f.IntVar(&limit, "limit", defaultLimit, "show at most so many")
	f.BoolVar(&all, "all", false, "show all of them")
	f.StringVar(&cursor, "cursor", "", "go on where a list ended that said so")
	query := bindFilters(f, l.filters)
	for _, fl := range l.filters {
		if offer, ok := map[string]cobra.CompletionFunc{"endpoint": a.complete("endpoints", "id", "name"), "type": a.complete("types", "type", "meaning")}[fl.name]; ok {
			_ = c.RegisterFlagCompletionFunc(fl.name, offer) // the flag exists
		}
	}
	c.RunE = a.run(func(ctx context.Context, s *session) error {
		if limit < 1 {
			return usage.Errorf("--limit %d: use 1 or more, or --all", limit)
		}
		q, err := query(time.Now())
		if err != nil {
			return err
		}
		maps.Copy(q, l.fixed)
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		path, err := l.path(ctx, s)
		if err != nil {
			return err
		}
		most := limit
		if all {
			most = 0
		}
		page, err := s.api.List(ctx, path, q, most)
		if err != nil {
			return err
		}
		if err := s.printer(c).Page(page, l.columns); err != nil {
			return err
		}
		if page.Next != "" && s.output == "table" {
			s.tell("There are more: add --all, or --cursor %s", page.Next)
		}
		return nil
	})
	return c
}

// bindFilters makes the flags; query has what they said, at a time.
func bindFilters(f *pflag.FlagSet, filters []filter) (query func(now time.Time) (url.Values, error)) {
	texts, switches := make([]string, len(filters)), make([]bool, len(filters))
	for i, fl := range filters {
		if fl.kind == isSwitch {
			f.BoolVar(&switches[i], fl.name, false, fl.usage)
			continue
		}
		f.StringVar(&texts[i], fl.name, "", fl.usage)
	}
	return func(now time.Time) (url.Values, error) {
		q := url.Values{}
		for i, fl := range filters {
			value := texts[i]
			switch {
			case fl.kind == isSwitch && switches[i]:
				value = "true"
			case fl.kind == isTime && value != "":
				at, err := parseTime(value, now)
				if err != nil {
					return nil, usage.Errorf("--%s %q: %w", fl.name, value, err)
				}
				value = at.UTC().Format(time.RFC3339Nano)
			}
			if value != "" {
				q.Set(fl.name, value)
			}
		}
		return q, nil
	}
}

var errTime = errors.New("write a time like 2026-01-31T12:00:00Z, or how long ago, like 90m, 2h or 3d")

// parseTime is a time that was written down, or one so long before now.
func parseTime(text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	d, err := parseDuration(text)
	if err != nil {
		return time.Time{}, errTime
	}
	return now.Add(-d), nil
}

// parseDuration reads Go's durations, and days.
func parseDuration(text string) (time.Duration, error) {
	if n := len(text); n > 1 && text[n-1] == 'd' {
		days, err := strconv.ParseUint(text[:n-1], 10, 16)
		if err != nil {
			return 0, errTime
		}
		return time.Duration(days) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, errTime
	}
	return d, nil
}

// getCommand makes a command that shows one object of the tenant's.
func (a *App) getCommand(c *cobra.Command, folder string) *cobra.Command {
	c.Args = usage.Arguments(1, 1, "the id")
	c.RunE = a.run(func(ctx context.Context, s *session) error {
		path, err := s.of(ctx, folder, s.args[0])
		if err != nil {
			return err
		}
		answer, err := s.api.Get(ctx, path)
		if err != nil {
			return err
		}
		return s.printer(c).Object(answer)
	})
	return c
}

// deleteCommand makes a command that removes one object of the tenant's, once the
// question is answered with yes.
func (a *App) deleteCommand(c *cobra.Command, folder string, question func(ctx context.Context, s *session, id string) string) *cobra.Command {
	c.Args = usage.Arguments(1, 1, "the id")
	yes := bindYes(c)
	c.RunE = a.run(func(ctx context.Context, s *session) error {
		path, err := s.of(ctx, folder, s.args[0])
		if err != nil {
			return err
		}
		if err := a.confirm(c, *yes, func() string { return question(ctx, s, s.args[0]) }); err != nil {
			return err
		}
		if err := s.api.Delete(ctx, path); err != nil {
			return err
		}
		s.tell("Removed %s.", show.Clean(s.args[0]))
		return nil
	})
	return c
}

// postCommand makes a command that does something with one object of the tenant's.
// Body is nil if there is nothing to say.
func (a *App) postCommand(c *cobra.Command, folder, action string, body func(s *session) (map[string]any, error)) *cobra.Command {
	c.Args = usage.Arguments(1, 1, "the id")
	c.RunE = a.run(func(ctx context.Context, s *session) error {
		var in any
		if body != nil {
			members, err := body(s)
			if err != nil {
				return err
			}
			in = members
		}
		path, err := s.of(ctx, folder, s.args[0], action)
		if err != nil {
			return err
		}
		answer, err := s.api.Post(ctx, path, in)
		if err != nil {
			return err
		}
		return s.printer(c).Object(answer)
	})
	return c
}

func asError(err error) (*client.Error, bool) { return errors.AsType[*client.Error](err) }
