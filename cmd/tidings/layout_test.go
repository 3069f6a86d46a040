package main_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// topLevel is all that a newcomer meets first. Dot-files are free.
var topLevel = []string{
	"README.md", "LICENSE", "Makefile", "go.mod", "go.sum",
	"schemas", "producers", "fanout", "dispatcher", "config", "deploy", "cmd",
}

// TestTopLevel keeps the repository's root at exactly the rooms it has.
func TestTopLevel(t *testing.T) {
	if problems := checkTopLevel(t, os.DirFS(moduleRoot(t))); len(problems) > 0 {
		t.Error(strings.Join(problems, "\n"))
	}
}

// checkTopLevel lists what stands at the root and should not, and what should
// and does not.
func checkTopLevel(t *testing.T, root fs.FS) (problems []string) {
	t.Helper()
	entries, err := fs.ReadDir(root, ".")
	if err != nil {
		t.Fatal(err)
	}
	ignored := ignoredEntries(t, root)
	missing := slices.Clone(topLevel)
	for _, entry := range entries {
		name := entry.Name()
		if i := slices.Index(missing, name); i >= 0 {
			missing = slices.Delete(missing, i, i+1)
		} else if !strings.HasPrefix(name, ".") && !ignored(name) {
			problems = append(problems, fmt.Sprintf("%s: find it a room below the root", name))
		}
	}
	for _, name := range missing {
		problems = append(problems, fmt.Sprintf("%s: missing", name))
	}
	return problems
}

// ignoredEntries tells what .gitignore ignores of the root's entries. It reads
// the two forms that the file uses: /name/ at the root, and *.ending.
func ignoredEntries(t *testing.T, root fs.FS) func(name string) bool {
	t.Helper()
	text, err := fs.ReadFile(root, ".gitignore")
	if err != nil {
		t.Fatal(err)
	}
	var patterns []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			patterns = append(patterns, strings.Trim(line, "/"))
		}
	}
	return func(name string) bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool {
			ok, err := path.Match(pattern, name)
			return err == nil && ok
		})
	}
}

// TestTopLevelCanFail shows the checker a root that is wrong in both ways.
func TestTopLevelCanFail(t *testing.T) {
	root := fstest.MapFS{
		".gitignore":    {Data: []byte("# built\n/bin/\n*.prof\n")},
		".github/ci":    {},
		"bin/tidings":   {},
		"cpu.prof":      {},
		"helpers/a.go":  {},
		"schemas/id.go": {},
	}
	for _, name := range topLevel {
		if name != "LICENSE" && name != "schemas" {
			root[name] = &fstest.MapFile{}
		}
	}
	got := checkTopLevel(t, root)
	want := []string{"helpers: find it a room below the root", "LICENSE: missing"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
