package main

import (
	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/pipe"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  usage.NoArguments(),
		Run:   func(c *cobra.Command, _ []string) { c.Println("tidings " + pipe.Version()) },
	}
}
