package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// TestDeployedVariablesExist holds each variable that something in deploy sets to the
// flags of tidings run: a name with a typo would be taken by nobody.
func TestDeployedVariablesExist(t *testing.T) {
	known := map[string]bool{"TIDINGS_ADMIN_TOKEN": true, "TIDINGS_SECRETS_KEY": true, "TIDINGS_TOKEN": true} // the last of whoever calls the API
	runCommand().Flags().VisitAll(func(f *pflag.Flag) {
		known["TIDINGS_"+strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))] = true
	})
	found := 0
	err := filepath.WalkDir("../../deploy", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "testdata" {
			return fs.SkipDir // how a runbook went, with faults that the test has set
		}
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		for _, name := range regexp.MustCompile(`\bTIDINGS_[A-Z_]+\b`).FindAllString(string(text), -1) {
			if found++; !known[name] {
				t.Errorf("%s: no flag of tidings run is set by %s", path, name)
			}
		}
		return err
	})
	if err != nil || found < 30 {
		t.Errorf("%d variables were found: %v", found, err)
	}
}
