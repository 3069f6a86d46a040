package main

import "github.com/spf13/cobra"

func sinkCommand() *cobra.Command { return &cobra.Command{Use: "sink"} }
