package processes

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// shownCommand is a command in a block of a document.
type shownCommand struct {
	section string // file and heading, like "README.md: Quick start"
	text    string // without comment, in one line
}

// shownPrograms are what lines of commands begin with. Blocks without any are other text.
var shownPrograms = []string{
	"tidings", "./bin/tidings", "api", "api()", "curl", "nats", "nats-server", "make", "export", "echo", "docker", "go", "npm", "node", "git", "psql", "systemctl", "kill", "cp", "tar",
}

// runSections are the sections whose commands a test runs, all but those of notRun.
var runSections = map[string]string{
	"README.md: Command line":                            "TestReadmeCommandLine",
	"README.md: Quick start":                             "TestReadmeQuickStart",
	"README.md: More than one machine":                   "TestSimulateOfTheReadme in cmd/tidings",
	"README.md: Receiving without a public address":      "TestReadmeOfPulling in cmd/tidings/listen",
	"README.md: Finding it again":                        "TestReadmeByHTTP",
	"config/README.md: Erasing an event, or a person":    "TestReadmeByHTTP",
	"config/README.md: By HTTP":                          "TestReadmeByHTTP",
	"config/README.md: Secrets":                          "TestReadmeQuickStart",
	"deploy/README.md: Running Tidings on your own NATS": "TestReadmeQuickStart",
	"deploy/disaster.md: Backup":                         "TestBackupOfARunningPipe",
	"deploy/disaster.md: Restore":                        "TestBackupOfARunningPipe",
	"deploy/disaster.md: Moving a machine":               "TestBackupOfARunningPipe",
	"deploy/capacity.md: Capacity":                       "TestCapacityPage in cmd/tidings/simulate",
	"deploy/capacity.md: Moving a tenant":                "TestCommandLine/cells",
}

// notRun are the commands that no test runs, by how they begin, each with the reason.
// Flags and arguments of those of tidings are read all the same, by
// TestShownCommandsAreWorded in cmd/tidings.
var notRun = map[string]string{
	"make run":                                   "runs until it is interrupted; TestCommandLine/demo runs the same with --once",
	"make test":                                  "runs this test",
	"make build":                                 "builds what this test has built already",
	"nats pub":                                   "a program that is not ours; producers and fanout are tested with the same headers",
	"export TIDINGS_TOKEN=tidings_…":             "names a token of the reader's",
	"tidings run --nats-url nats://a:4222":       "three hosts; TestCluster has them on this one",
	"tidings run --nats-url …":                   "the same hosts",
	"tidings bench --only costs":                 "takes minutes; TestBenchCosts measures fewer events",
	"tidings simulate --calibrate":               "reads what that has written; TestParse reads such a file",
	"tidings simulate --check":                   "takes minutes; TestCheck has the same predictions and table",
	"nats-server":                                "a server of the operator's; TestThePipeOverTLS runs the shipped configuration",
	"nats=":                                      "the same hosts, in a variable",
	"tidings run $nats":                          "the same hosts; TestThePipeOverTLS runs each role with its user",
	"tidings run --nats-listen 10.20.0.5":        "an address of the operator's; TestEmbeddedListensElsewhereWithUsers in config/broker has users too",
	"curl -f http://127.0.0.1:8222/healthz":      "asks nats-server itself",
	"tidings keys --dir keys --nats-host 'hooks": "the same with the names of a cluster",
	"tidings restore backups/monday --nats-url":  "three hosts; TestRestoreElsewhere has them on this one",
	"tidings deliveries list --status retrying":  "of a region that is lost; README.md shows the same command, which TestReadmeCommandLine runs",
	"docker compose up":                          "needs Docker; TestCompose runs the file's processes",
	"kubectl":                                    "needs a cluster; .ci/manifests reads what the chart renders",
	"helm":                                       "the same",
	"OTEL_EXPORTER_OTLP_":                        "a collector of the operator's; collector_test.go starts one",
}

// documents are all that show commands.
func documents(t *testing.T) (found []string) {
	t.Helper()
	err := filepath.WalkDir("../../..", func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() && (entry.Name() == "testdata" || entry.Name() == "node_modules" || entry.Name() == ".git") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) == ".md" {
			found = append(found, path)
		}
		return err
	})
	if err != nil || len(found) < 8 {
		t.Fatalf("%d documents, %v", len(found), err)
	}
	return found
}

var comment = regexp.MustCompile(`\s{2,}# .*$|\s+# .*$`)

// commandsOf are the commands of a document's blocks.
func commandsOf(t *testing.T, path string) (all []shownCommand) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	name, _ := filepath.Rel("../../..", path)
	section, language, inside := "", "", false
	var block []string
	for line := range strings.Lines(strings.ReplaceAll(string(content), "\\\n", " ")) {
		line = strings.TrimRight(line, "\n")
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && inside:
			all = append(all, commandsIn(filepath.ToSlash(name)+": "+section, language, block)...)
			inside, block = false, nil
		case isFence:
			inside, language = true, fence
		case inside:
			block = append(block, line)
		case strings.HasPrefix(line, "#"):
			section = strings.TrimLeft(line, "# ")
		}
	}
	return all
}

func commandsIn(section, language string, block []string) (found []shownCommand) {
	if !slices.Contains([]string{"", "sh", "bash", "console"}, language) {
		return nil
	}
	for _, line := range block {
		command, prompted := strings.CutPrefix(line, "$ ")
		if language == "console" && !prompted || strings.TrimSpace(command) == "" {
			continue
		}
		command = strings.TrimSpace(comment.ReplaceAllString(command, ""))
		found = append(found, shownCommand{section, regexp.MustCompile(`\s+-`).ReplaceAllString(command, " -")})
	}
	if !slices.ContainsFunc(found, func(c shownCommand) bool { return slices.Contains(shownPrograms, c.program()) }) {
		return nil
	}
	return found
}

// program is the first word that is no variable.
func (c shownCommand) program() string {
	for word := range strings.FieldsSeq(c.text) {
		if !regexp.MustCompile(`^[A-Z_]+=`).MatchString(word) {
			return word
		}
	}
	return ""
}

// reason is why no test runs it; empty if one does.
func (c shownCommand) reason() (begins, why string) {
	for begins, why := range notRun {
		if strings.HasPrefix(c.text, begins) {
			return begins, why
		}
	}
	return "", ""
}

// toRun are the commands of a section that its test runs.
func toRun(t *testing.T, file, section string) (found []string) {
	t.Helper()
	for _, c := range commandsOf(t, filepath.Join("../../..", file)) {
		if _, why := c.reason(); c.section == file+": "+section && why == "" {
			found = append(found, c.text)
		}
	}
	if len(found) == 0 {
		t.Fatalf("%s shows no commands under %s", file, section)
	}
	return found
}

// TestEveryShownCommandIsRun wants that each command of the documents is run by a test,
// or listed with the reason why it is not.
func TestEveryShownCommandIsRun(t *testing.T) {
	used, count := map[string]bool{}, 0
	for _, path := range documents(t) {
		for _, c := range commandsOf(t, path) {
			count++
			begins, why := c.reason()
			used[begins] = true
			if why == "" && runSections[c.section] == "" && !strings.HasPrefix(c.section, "deploy/runbooks/") { // TestRunbooks runs all of those
				t.Errorf("%s\n%s\nno test runs it: give its section one, or list it in notRun", c.section, c.text)
			}
		}
	}
	if count < 60 {
		t.Errorf("%d commands: the test misses some", count)
	}
	for begins := range notRun {
		if !used[begins] {
			t.Errorf("notRun has %q, which nothing shows", begins)
		}
	}
}
