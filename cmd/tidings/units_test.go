package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestUnits has systemd itself read the units of deploy/systemd, and judge how much they
// are let do: 2 of 10 at most, where 10 is all.
func TestUnits(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("needs systemd-analyze, of the package systemd")
	}
	dir := t.TempDir()
	var names []string
	for _, name := range []string{"tidings.service", "tidings@.service", "nats.service"} {
		// The programs are not installed here.
		text := regexp.MustCompile(`/usr/local/bin/[a-z-]+`).ReplaceAllString(deployed(t, "systemd/"+name), "/bin/true")
		name = strings.Replace(name, "@", "@dispatcher", 1)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, "./"+name)
	}
	for _, args := range [][]string{append([]string{"verify"}, names...), append([]string{"security", "--offline=true", "--threshold=20"}, names...)} {
		c := exec.CommandContext(t.Context(), analyze, args...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil || (args[0] == "verify" && len(out) > 0) {
			t.Errorf("%s: %v\n%s", args[0], err, out)
		}
	}
}
