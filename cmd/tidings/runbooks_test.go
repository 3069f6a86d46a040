package main_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// runbooks are the texts of deploy/runbooks.md and deploy/runbooks, by path from deploy.
func runbooks(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{"runbooks.md": deployed(t, "runbooks.md")}
	files, err := filepath.Glob(filepath.Join(moduleRoot(t), "deploy", "runbooks", "*.md"))
	if err != nil || len(files) != 7 {
		t.Fatalf("%d runbooks, %v", len(files), err)
	}
	for _, file := range files {
		name := "runbooks/" + filepath.Base(file)
		texts[name] = deployed(t, name)
	}
	return texts
}

// TestRunbooksAreWhole wants each to be linked, and to say all that whoever is on call
// looks for.
func TestRunbooksAreWhole(t *testing.T) {
	texts := runbooks(t)
	for name, text := range texts {
		if name == "runbooks.md" {
			continue
		}
		if !strings.Contains(texts["runbooks.md"], "]("+name+")") {
			t.Errorf("runbooks.md has no link to %s", name)
		}
		for _, part := range []string{"**You see**", "**Nothing is lost", "\n## Over\n", "\n## Not\n", "\n## Afterwards\n", "```console\n"} {
			if !strings.Contains(text, part) {
				t.Errorf("%s has no %q", name, part)
			}
		}
	}
}

// anchorOf is what a heading is linked by.
func anchorOf(heading string) string {
	kept := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(heading), "")
	return strings.ReplaceAll(kept, " ", "-")
}

// TestRunbookLinks follows every link of the runbooks.
func TestRunbookLinks(t *testing.T) {
	links := 0
	for name, text := range runbooks(t) {
		for _, m := range regexp.MustCompile(`\]\(([^)#]*)(?:#([^)]+))?\)`).FindAllStringSubmatch(text, -1) {
			links++
			file := filepath.Join(moduleRoot(t), "deploy", name)
			if m[1] != "" {
				file = filepath.Join(filepath.Dir(file), m[1])
			}
			content, err := os.ReadFile(file)
			if info, statErr := os.Stat(file); statErr == nil && info.IsDir() {
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			var anchors []string
			for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(string(content), -1) {
				anchors = append(anchors, anchorOf(heading[1]))
			}
			if m[2] != "" && !slices.Contains(anchors, m[2]) {
				t.Errorf("%s: %s has no %q", name, file, m[2])
			}
		}
	}
	if links < 40 {
		t.Errorf("%d links: the test misses some", links)
	}
}

// TestRunbookPanels wants each panel that is named, between quotes, to be on the dashboard.
func TestRunbookPanels(t *testing.T) {
	var dashboard struct{ Panels []struct{ Title string } }
	if err := json.Unmarshal([]byte(deployed(t, "grafana/tidings.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	named := 0
	code := regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")
	for name, text := range runbooks(t) {
		for _, m := range regexp.MustCompile(`"([A-Z][^"\n]*)"`).FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
			named++
			found := false
			for _, p := range dashboard.Panels {
				found = found || strings.HasPrefix(p.Title, m[1])
			}
			if !found {
				t.Errorf("%s: the dashboard has no panel %q", name, m[1])
			}
		}
	}
	if named < 15 {
		t.Errorf("%d panels: the test misses some", named)
	}
}

// elsewhere is what the runbooks have between backticks that is not ours, so that no code
// of ours has it.
var elsewhere = []string{
	"T", "D", "R", "S", "SIGQUIT", "kill -HUP", "helm rollback", "kubectl rollout restart", "docker compose restart", "systemctl restart",
	"systemctl", "journalctl", "ssh", "make test", "maxSurge: 1", "topk(5, tidings_consumer_oldest_age_seconds)", "up == 0", "# until …", "…",
	"nats-server", "curl -f http://127.0.0.1:8222/healthz", "nsc revocations add-user", "nats server raft peer-remove", "cat", `"leader"`,
	"LoadCredential", "DELIVERIES_…", "quota: {events: 20/s}", "quota.held", ".leaked", "ca.key", "ca.pem", "acme.nk", "nats.pem", "nats.key",
	"max_file_store", "level=ERROR", "--egress-…",
}

// codeOf is all that is not a test, and the description of the API.
func codeOf(t *testing.T) string {
	t.Helper()
	var code strings.Builder
	err := filepath.WalkDir(moduleRoot(t), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && (entry.Name() == "node_modules" || strings.HasPrefix(entry.Name(), ".")) {
			return fs.SkipDir
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "openapi.yaml") {
			text, err := os.ReadFile(path)
			code.Write(text)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return code.String()
}

// isOurs reports whether a word is in the code: a flag by its name, all else as it is.
func isOurs(word, code string) bool {
	first, _, _ := strings.Cut(word, " ")
	if flag, is := strings.CutPrefix(first, "--"); is {
		return strings.Contains(code, `"`+flag+`"`)
	}
	return strings.Contains(code, word)
}

// TestRunbookWords wants what the runbooks have between backticks to be in the code: flags,
// messages of the log, reasons, codes, members of policies. Commands of tidings are read
// and run by other tests.
func TestRunbookWords(t *testing.T) {
	code, metrics, count, used := codeOf(t), described(t), 0, map[string]bool{}
	if isOurs("--no-such", code) || isOurs("nats connection wept", code) || !isOurs("--partitions", code) {
		t.Fatal("it finds what there is not, or not what there is")
	}
	for name, text := range runbooks(t) {
		text = regexp.MustCompile("(?s)```.*?```").ReplaceAllString(text, "")
		for _, m := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(text, -1) {
			count++
			word := m[1]
			used[word] = true
			command := word == "tidings" || strings.HasPrefix(word, "tidings ")
			if !command && !slices.Contains(elsewhere, word) && !slices.Contains(metrics, word) && !isOurs(word, code) {
				t.Errorf("%s: no code has %q", name, word)
			}
		}
	}
	for _, word := range elsewhere {
		if !used[word] {
			t.Errorf("no runbook has %q", word)
		}
	}
	if count < 100 {
		t.Errorf("%d words: the test misses some", count)
	}
}
