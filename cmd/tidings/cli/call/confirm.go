package call

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

// errNo is what a person answered.
var errNo = errors.New("nothing was done: the answer was no")

// BindYes gives a command the flag that answers its question beforehand.
func BindYes(c *cobra.Command) *bool {
	return c.Flags().Bool("yes", false, "do not ask; needed where there is no terminal to answer in")
}

// Confirm asks whether to go on. Where nobody can answer, yes has to have been said
// before. The question is made only if somebody is asked.
func (a *App) Confirm(c *cobra.Command, yes bool, question func() string) error {
	switch {
	case yes:
		return nil
	case !a.Asks():
		return usage.Errorf("%s asks before it goes on, and there is no terminal to answer in: add --yes", c.CommandPath())
	case !a.ask(c, question()):
		return errNo
	}
	return nil
}

// Asks reports whether a person can answer.
func (a *App) Asks() bool { return a.Env.Asks && !a.stdinTaken }

// ask is whether a person says yes, before the command's context ends.
func (a *App) ask(c *cobra.Command, question string) bool {
	return a.AskUntil(c.Context(), c, question)
}

// AskUntil is whether a person says yes to a question, before ctx ends.
func (a *App) AskUntil(ctx context.Context, c *cobra.Command, question string) bool {
	fmt.Fprintf(c.ErrOrStderr(), "%s [y/N] ", question)
	answer := make(chan string, 1)
	go func() { // ends with the line, or with the process
		line, _ := bufio.NewReader(c.InOrStdin()).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case said := <-answer:
		return said == "y" || said == "yes"
	case <-ctx.Done():
		return false
	}
}

// countedMost is how many things a question counts at most.
const countedMost = 200

// CountOf is how many things of a list there are, in words: "3", "200 or more". It is
// empty if there are none, or if that cannot be told: a question does not fail for it.
func (s *Session) CountOf(ctx context.Context, folder string, q url.Values) string {
	path, err := s.Of(ctx, folder)
	if err != nil {
		return ""
	}
	page, err := s.API.List(ctx, path, q, countedMost)
	switch n := len(page.Items); {
	case err != nil || n == 0:
		return ""
	case page.Next != "":
		return strconv.Itoa(n) + " or more"
	default:
		return strconv.Itoa(n)
	}
}
