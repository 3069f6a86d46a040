package call

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/client"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

// Listing is a command that lists things.
type Listing struct {
	Use, Short, Example string
	// Path is of the list.
	Path    func(ctx context.Context, s *Session) (string, error)
	Columns []show.Column
	Filters []Filter
	// Fixed are filters that nobody may change, Default those that a flag may.
	Fixed, Default url.Values
}

// Filter is a flag that becomes a parameter of the API, of the same name but for "_".
type Filter struct {
	Name, Usage string
	Kind        FilterKind
}

// FilterKind is what the value of a [Filter] is.
type FilterKind int

// The kinds of filters.
const (
	IsText FilterKind = iota
	IsTime            // a time, or how long ago
	IsSwitch
)

// Within is the path of a list of the tenant's.
func Within(segments ...string) func(context.Context, *Session) (string, error) {
	return func(ctx context.Context, s *Session) (string, error) { return s.Of(ctx, segments...) }
}

const defaultLimit = 50

// List makes the command.
func (a *App) List(l Listing) *cobra.Command {
	var (
		limit  int
		all    bool
		cursor string
	)
	c := &cobra.Command{Use: l.Use, Short: l.Short, Example: l.Example, Args: usage.NoArguments()}
	f := c.Flags()
	f.IntVar(&limit, "limit", defaultLimit, "show at most so many")
	f.BoolVar(&all, "all", false, "show all of them")
	f.StringVar(&cursor, "cursor", "", "go on where a list ended that said so")
	query := bindFilters(f, l.Filters)
	for _, fl := range l.Filters {
		if offer, ok := map[string]cobra.CompletionFunc{"endpoint": a.Complete("endpoints", "id", "name"), "type": a.Complete("types", "type", "meaning")}[fl.Name]; ok {
			_ = c.RegisterFlagCompletionFunc(fl.Name, offer) // the flag exists
		}
	}
	c.RunE = a.Run(func(ctx context.Context, s *Session) error {
		if limit < 1 {
			return usage.Errorf("--limit %d: use 1 or more, or --all", limit)
		}
		q, err := query(time.Now())
		if err != nil {
			return err
		}
		for name, values := range l.Default {
			if !q.Has(name) {
				q[name] = values
			}
		}
		maps.Copy(q, l.Fixed)
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		path, err := l.Path(ctx, s)
		if err != nil {
			return err
		}
		most := limit
		if all {
			most = 0
		}
		page, err := s.API.List(ctx, path, q, most)
		if err != nil {
			return err
		}
		if err := s.Printer(c).Page(page, l.Columns); err != nil {
			return err
		}
		if page.Next != "" && s.Output == "table" {
			s.Tell("There are more: add --all, or --cursor %s", page.Next)
		}
		return nil
	})
	return c
}

// bindFilters makes the flags; query has what they said, at a time.
func bindFilters(f *pflag.FlagSet, filters []Filter) (query func(now time.Time) (url.Values, error)) {
	texts, switches := make([]string, len(filters)), make([]bool, len(filters))
	for i, fl := range filters {
		if fl.Kind == IsSwitch {
			f.BoolVar(&switches[i], fl.Name, false, fl.Usage)
			continue
		}
		f.StringVar(&texts[i], fl.Name, "", fl.Usage)
	}
	return func(now time.Time) (url.Values, error) {
		q := url.Values{}
		for i, fl := range filters {
			value := texts[i]
			switch {
			case fl.Kind == IsSwitch && switches[i]:
				value = "true"
			case fl.Kind == IsTime && value != "":
				at, err := ParseTime(value, now)
				if err != nil {
					return nil, usage.Errorf("--%s %q: %w", fl.Name, value, err)
				}
				value = at.UTC().Format(time.RFC3339Nano)
			}
			if value != "" {
				q.Set(strings.ReplaceAll(fl.Name, "-", "_"), value)
			}
		}
		return q, nil
	}
}

var errTime = errors.New("write a time like 2026-01-31T12:00:00Z, or how long ago, like 90m, 2h or 3d")

// ParseTime is a time that was written down, or one so long before now.
func ParseTime(text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	d, err := ParseDuration(text)
	if err != nil {
		return time.Time{}, errTime
	}
	return now.Add(-d), nil
}

// ParseDuration reads Go's durations, and days.
func ParseDuration(text string) (time.Duration, error) {
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

// Get makes a command that shows one object of the tenant's.
func (a *App) Get(c *cobra.Command, folder string) *cobra.Command {
	c.Args = usage.Arguments(1, 1, "the id")
	c.RunE = a.Run(func(ctx context.Context, s *Session) error {
		path, err := s.Of(ctx, folder, s.Args[0])
		if err != nil {
			return err
		}
		answer, err := s.API.Get(ctx, path)
		if err != nil {
			return err
		}
		return s.Printer(c).Object(answer)
	})
	return c
}

// Delete makes a command that removes one object of the tenant's, once the
// question is answered with yes.
func (a *App) Delete(c *cobra.Command, folder string, question func(ctx context.Context, s *Session, id string) string) *cobra.Command {
	c.Args = usage.Arguments(1, 1, "the id")
	yes := BindYes(c)
	c.RunE = a.Run(func(ctx context.Context, s *Session) error {
		path, err := s.Of(ctx, folder, s.Args[0])
		if err != nil {
			return err
		}
		if err := a.Confirm(c, *yes, func() string { return question(ctx, s, s.Args[0]) }); err != nil {
			return err
		}
		if err := s.API.Delete(ctx, path); err != nil {
			return err
		}
		s.Tell("Removed %s.", show.Clean(s.Args[0]))
		return nil
	})
	return c
}

// Post makes a command that does something with one object of the tenant's.
// Body is nil if there is nothing to say.
func (a *App) Post(c *cobra.Command, folder, action string, body func(s *Session) (map[string]any, error)) *cobra.Command {
	c.Args = usage.Arguments(1, 1, "the id")
	c.RunE = a.Run(func(ctx context.Context, s *Session) error {
		var in any
		if body != nil {
			members, err := body(s)
			if err != nil {
				return err
			}
			in = members
		}
		path, err := s.Of(ctx, folder, s.Args[0], action)
		if err != nil {
			return err
		}
		answer, err := s.API.Post(ctx, path, in)
		if err != nil {
			return err
		}
		return s.Printer(c).Object(answer)
	})
	return c
}

// AsError is what the API said, if err is its answer.
func AsError(err error) (*client.Error, bool) { return errors.AsType[*client.Error](err) }

// Patch makes a command that changes one object of the tenant's.
func (a *App) Patch(c *cobra.Command, folder string, patch func(s *Session) (map[string]any, error)) *cobra.Command {
	c.Args = usage.Arguments(1, 1, "the id")
	c.RunE = a.Run(func(ctx context.Context, s *Session) error {
		in, err := patch(s)
		if err != nil {
			return err
		}
		if len(in) == 0 {
			return usage.Errorf("there is nothing to change: see %s --help", c.CommandPath())
		}
		path, err := s.Of(ctx, folder, s.Args[0])
		if err != nil {
			return err
		}
		answer, err := s.API.Patch(ctx, path, in)
		if err != nil {
			return Pointed(err, in)
		}
		defer s.HintTypes(ctx, Texts(in["types"]))
		return s.Printer(c).Object(answer)
	})
	return c
}
