package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/schemas"
)

func configCommand() *cobra.Command {
	return usage.Group(&cobra.Command{Use: "config", Short: "Look after tidings.yaml"}, configValidateCommand())
}

func configValidateCommand() *cobra.Command {
	var (
		o      config.CheckOptions
		output string
	)
	c := &cobra.Command{
		Use:   "validate [FILE…]",
		Short: "Check static files as tidings run would, and say all that is wrong",
		Long: `Check static files (tidings.yaml if none is named) as tidings run would, without
applying them. A good file is told in one line, by what it declares. Of a bad one
every problem is told with file, line, column, field and reason, the first 20 of
each file, and the exit code is 1. Secrets are never shown.

Where the variables and files that hold the secrets are not at hand, as in CI,
--ignore-missing-secrets takes them for granted.

With --output json the problems are a list of {"file", "line", "column", "field",
"problem"} on the standard output; it is empty if there are none.`,
		RunE: func(c *cobra.Command, files []string) error {
			if output != "text" && output != "json" {
				return schemas.Errorf(schemas.CodeInvalid, "--output %q: use text or json", output)
			}
			if len(files) == 0 {
				files = []string{"tidings.yaml"}
			}
			return validateFiles(c, files, o, output)
		},
	}
	c.Flags().BoolVar(&o.MissingSecrets, "ignore-missing-secrets", false, "let secrets be missing whose variable is not set, or whose file does not exist")
	c.Flags().StringVar(&output, "output", "text", "text or json")
	return c
}

func validateFiles(c *cobra.Command, files []string, o config.CheckOptions, output string) error {
	problems := []config.Problem{}
	bad := 0
	for _, file := range files {
		counts, err := config.CheckFile(file, o)
		var mistakes *config.Mistakes
		switch {
		case errors.As(err, &mistakes):
			bad++
			problems = append(problems, mistakes.Problems...)
			if output == "text" {
				for _, line := range mistakes.Lines() {
					fmt.Fprintln(c.ErrOrStderr(), line)
				}
			}
		case err != nil:
			return err
		case output == "text":
			fmt.Fprintf(c.OutOrStdout(), "%s: %s\n", file, counts)
		}
	}
	if output == "json" {
		if err := show.JSON(c.OutOrStdout(), problems); err != nil {
			return err
		}
	}
	if bad > 0 {
		return usage.Failed(schemas.Errorf(schemas.CodeInvalid, "files with problems: %d of %d", bad, len(files)))
	}
	return nil
}
