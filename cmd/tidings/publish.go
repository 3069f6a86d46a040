package main

import "github.com/spf13/cobra"

func publishCommand() *cobra.Command { return &cobra.Command{Use: "publish"} }
