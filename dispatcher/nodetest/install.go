package nodetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed" // the packages
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The lock file names each package by its version and hash; where to fetch it
// from is npm's own setting.
var (
	//go:embed package.json
	packages []byte
	//go:embed package-lock.json
	lock []byte
)

const (
	modules = "node_modules"
	// installLimit bounds npm; some fifty small packages take it seconds.
	installLimit = 3 * time.Minute
	// endLimit is how long a process that was killed may hold its pipes open.
	endLimit = 5 * time.Second
)

// program is a script in a folder from which it finds its packages.
type program struct {
	node, folder, script string
	flags                []string // of node
}

func (p program) command(ctx context.Context, args ...string) *exec.Cmd {
	args = slices.Concat(p.flags, []string{p.script}, args)
	cmd := exec.CommandContext(ctx, p.node, args...) //nolint:gosec // a test's own script
	cmd.Dir = p.folder
	cmd.WaitDelay = endLimit
	return cmd
}

// prepare lays the script, and the .mjs files beside it, in a folder of the
// test's own next to the packages: Node looks for them above the script.
func prepare(tb testing.TB, script string) program {
	tb.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		unavailable(tb, "Node is not installed: its tests need node and npm on the PATH")
	}
	installed := install(tb)
	folder := tb.TempDir()
	if err := os.Symlink(filepath.Join(installed, modules), filepath.Join(folder, modules)); err != nil {
		tb.Fatal(err)
	}
	beside, err := filepath.Glob(filepath.Join(filepath.Dir(script), "*.mjs"))
	if err != nil {
		tb.Fatal(err)
	}
	for _, path := range beside {
		source, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(path)), source, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	copied := filepath.Join(folder, filepath.Base(script))
	if _, err := os.Stat(copied); err != nil {
		tb.Fatalf("script %s: there is no such .mjs file", script)
	}
	return program{node: node, folder: folder, script: copied}
}

// unavailable ends a test that cannot be run here. In CI everything can.
func unavailable(tb testing.TB, sentence string) {
	tb.Helper()
	if os.Getenv("CI") != "" { //nolint:forbidigo // CI says so in the environment
		tb.Fatal(sentence)
	}
	tb.Skip(sentence)
}

// install is the folder of the packages, made on first use. Its name is a hash
// of what is installed, so a change of packages is a new folder, and what is there is
// complete: it is made elsewhere and renamed. Of several processes that do so at
// once the first wins.
func install(tb testing.TB) string {
	tb.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		tb.Fatal(err)
	}
	parent := filepath.Join(cache, "tidings-nodetest")
	sum := sha256.Sum256(slices.Concat(packages, lock))
	folder := filepath.Join(parent, hex.EncodeToString(sum[:12]))
	if isFolder(folder) {
		return folder
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		unavailable(tb, "npm is not installed: tests in Node fetch their packages with it")
	}
	if err := os.MkdirAll(parent, 0o750); err != nil {
		tb.Fatal(err)
	}
	made, err := os.MkdirTemp(parent, "installing-")
	if err != nil {
		tb.Fatal(err)
	}
	defer os.RemoveAll(made) //nolint:errcheck // gone already, if it was renamed
	if err := fetch(tb.Context(), npm, made); err != nil {
		unavailable(tb, err.Error())
	}
	if err := os.Rename(made, folder); err != nil && !isFolder(folder) {
		tb.Fatal(err)
	}
	return folder
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// fetch lets npm install the packages in a folder, and run nothing of theirs.
func fetch(ctx context.Context, npm, folder string) error {
	for name, content := range map[string][]byte{"package.json": packages, "package-lock.json": lock} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, installLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund") //nolint:gosec // npm itself
	cmd.Dir, cmd.WaitDelay = folder, endLimit
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("fetch the packages that tests run in Node: npm ci: %w\n%s", err, strings.TrimSpace(stderr.String()))
	}
	return nil
}
