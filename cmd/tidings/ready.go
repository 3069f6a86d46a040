package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/usage"
	"github.com/tidings-dev/tidings/config/api"
)

func readyCommand() *cobra.Command {
	var address string
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "ready",
		Short: "Ask a process of this machine whether it is ready",
		Long: `Ask a process of this machine whether it is ready: exit code 0 if it is, else 1
with the reasons. For probes where nothing else can ask /readyz, as in a container
that holds this program alone.`,
		Args: usage.NoArguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), timeout)
			defer cancel()
			return ready(ctx, c.OutOrStdout(), address)
		},
	}
	c.Flags().StringVar(&address, "http-addr", "127.0.0.1:8080", "where the process serves /readyz; an address of all interfaces means this machine")
	c.Flags().DurationVar(&timeout, "timeout", 5*time.Second, "how long the answer may take")
	return c
}

// ready asks /readyz, and prints what is not well: that may be of what the process
// does without.
func ready(ctx context.Context, out io.Writer, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("--http-addr %s: %w: want host:port", address, err)
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "127.0.0.1" // not localhost: an image without /etc/hosts knows no such name
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", http.NoBody)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return fmt.Errorf("nobody answers: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	var said struct {
		Status string      `json:"status"`
		Checks []api.Check `json:"checks"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&said); err != nil {
		return fmt.Errorf("%s answers %s, and not as /readyz does: %w", address, answer.Status, err)
	}
	var problems []string
	for _, check := range said.Checks {
		if check.Problem == "" {
			continue
		}
		problem := fmt.Sprintf("%s: %s, since %s", check.Name, check.Problem, check.Since.Format(time.RFC3339))
		if check.Optional {
			_, _ = fmt.Fprintln(out, problem+" (the process does without)")
			continue
		}
		problems = append(problems, problem)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", strings.Join(problems, "; "))
	}
	_, err = fmt.Fprintln(out, "ready")
	return err
}
