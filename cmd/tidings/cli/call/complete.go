package call

import (
	"context"
	"io"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/config"
)

const (
	// completeWithin is how long a shell may be kept waiting for words.
	completeWithin = 2 * time.Second
	// completeMost is how many words are offered.
	completeMost = 500
)

// Complete offers the first argument from a list of the tenant's.
func (a *App) Complete(folder, member, about string) cobra.CompletionFunc {
	return a.CompleteFrom(Within(folder), member, about)
}

// CompleteFrom offers the first argument from a list, with what another member says
// beside it. What fails offers nothing: a shell is no place to say so.
func (a *App) CompleteFrom(path func(context.Context, *Session) (string, error), member, about string) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.Offer(c, path, member, about), cobra.ShellCompDirectiveNoFileComp
	}
}

// Offer is what a shell is offered of a list: a member of each, with what another says
// beside it. What fails offers nothing.
func (a *App) Offer(c *cobra.Command, path func(context.Context, *Session) (string, error), member, about string) (words []cobra.Completion) {
	if config.FromEnvironment(c.Flags()) != nil || a.SaidToken == "-" {
		return nil
	}
	quiet := *c
	quiet.SetErr(io.Discard)
	s, err := a.open(&quiet, nil)
	if err != nil {
		return nil
	}
	parent := c.Context()
	if parent == nil {
		parent = context.Background()
	}
	ctx, stop := context.WithTimeout(parent, completeWithin)
	defer stop()
	p, err := path(ctx, s)
	if err != nil {
		return nil
	}
	page, err := s.API.List(ctx, p, url.Values{}, completeMost)
	if err != nil {
		return nil
	}
	for _, item := range page.Items {
		words = append(words, cobra.CompletionWithDesc(show.Text(item, member), show.Text(item, about)))
	}
	return words
}

// CompleteTenant offers the tenants.
func (a *App) CompleteTenant(c *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	path := func(context.Context, *Session) (string, error) { return "/v1/tenants", nil }
	return a.Offer(c, path, "id", "name"), cobra.ShellCompDirectiveNoFileComp
}

// CompleteContext offers the names of contexts.
func (a *App) CompleteContext(c *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if config.FromEnvironment(c.Flags()) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	file, err := a.ReadContexts(io.Discard)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return slices.Sorted(maps.Keys(file.Contexts)), cobra.ShellCompDirectiveNoFileComp
}
