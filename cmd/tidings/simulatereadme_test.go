package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// TestSimulateOfTheReadme runs the command that README shows.
func TestSimulateOfTheReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, command := range shownCommands(t, string(text)) {
		if !strings.HasPrefix(command, "simulate --endpoints") {
			continue
		}
		ran++
		c := rootCommand()
		var out bytes.Buffer
		c.SetOut(&out)
		c.SetArgs(wordsOf(command))
		if err := c.ExecuteContext(t.Context()); err != nil || !strings.Contains(out.String(), "what bounds a cell") {
			t.Errorf("%s: %v\n%s", command, err, out.String())
		}
	}
	if ran != 1 {
		t.Errorf("README shows %d, want 1", ran)
	}
}
