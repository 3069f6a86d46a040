package main

import (
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

// version is what the build says of itself: the module's version, or the
// commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return strings.TrimPrefix(v, "v")
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(12, len(s.Value))]
		}
	}
	return "devel"
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  usage.NoArguments(),
		Run:   func(c *cobra.Command, _ []string) { c.Println("tidings " + version()) },
	}
}
