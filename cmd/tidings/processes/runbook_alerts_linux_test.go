package processes

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

// alertCommands are the commands that deploy/runbooks.md has between backticks, each as
// it is given for what the test has made.
var alertCommands = map[string]string{
	"tidings":                              "tidings version",
	"tidings ready --http-addr …":          "tidings ready --http-addr 127.0.0.1:8080",
	"tidings tenants load --since 15m":     "",
	"tidings tenants load --by dead":       "tidings tenants load --by dead | grep acme",
	"tidings endpoints get":                "tidings endpoints get $EP",
	"tidings endpoints resume":             "tidings endpoints resume $EP",
	"tidings endpoints resume --from now":  "tidings endpoints resume $EP --from now --yes",
	"tidings deliveries list --endpoint …": "tidings deliveries list --endpoint $EP | grep dlv_",
	"tidings recover":                      "tidings recover --since 1h --dry-run",
	"tidings events list --dead":           "tidings events list --dead -o id | grep .",
	"tidings events get":                   "tidings events get $(tidings events list --dead --limit 1 -o id) | grep event_invalid",
	"tidings log rebuild":                  "tidings log rebuild --data-dir $DATA --nats-url nats://$NATS --yes",
}

// absentMetrics are the metrics of alerts that a process on an embedded broker without a
// limit does not have.
var absentMetrics = []string{"tidings_broker_storage_limit_bytes"}

// TestAlertRunbooks gives every command that the runbooks of alerts name, on a process
// where something of all of it has happened; and it wants every metric of alerts and
// runbooks there.
func TestAlertRunbooks(t *testing.T) {
	t.Parallel()
	p := onHost(newHost(t, build(t, "tidings")))
	broker, dir := freeAddress(t), t.TempDir()
	p.ready(p.unit("tidings", p.role("127.0.0.1:8080", "all", "TIDINGS_NATS_LISTEN="+broker, "TIDINGS_DATA_DIR="+dir), p.bin+"/tidings", "run"))
	ep := p.endpoint("acme", "ep-acme", fields{"retry": []string{}})
	p.env = append(p.env, "TIDINGS_TENANT=acme", "EP="+ep, "DATA="+dir, "NATS="+broker)
	p.publish("acme", 3)
	p.settled()
	p.answers("ep-acme", func(int) int { return http.StatusInternalServerError })
	p.publish("acme", 1)
	nc, err := nats.Connect("nats://" + broker)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if err := nc.Publish("events.acme.order.paid", []byte("no CloudEvent")); err != nil {
		t.Fatal(err)
	}
	p.until("tidings events list --dead -o id", "\n")
	p.until("tidings dead list -o id", "dlv_")

	text, err := os.ReadFile("../../../deploy/runbooks.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("`(tidings(?: [^`]*)?)`").FindAllStringSubmatch(string(text), -1) {
		named[m[1]] = true
		given, ok := alertCommands[m[1]]
		if !ok {
			t.Errorf("runbooks.md names %q: say in alertCommands how it is given", m[1])
			continue
		}
		if given == "" {
			given = m[1]
		}
		if said, err := p.run(given); err != nil {
			t.Errorf("runbooks.md names %s: %s: %v\n%s", m[1], given, err, said)
		}
	}
	for command := range alertCommands {
		if !named[command] {
			t.Errorf("runbooks.md names no %q", command)
		}
	}
	p.hasMetrics(t, string(text))
}

// hasMetrics wants each metric that alerts and runbooks name to be on the process's page.
func (p *pipeHost) hasMetrics(t *testing.T, texts string) {
	t.Helper()
	files := []string{"../../../deploy/prometheus/rules.yml"}
	for name := range exercises {
		files = append(files, runbookFolder+"/"+name+".md")
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts += string(text)
	}
	page := getMetrics(t, strings.TrimPrefix(p.api.base, "http://"))
	count := 0
	metric := regexp.MustCompile(`\btidings_[a-z]+_[a-z_]+\b|\btidings_partitions\b`)
	for _, name := range metric.FindAllString(regexp.MustCompile(`tidings_(role|partition|connection|tenant|reason|code|door|attempt|stream|outcome|breaker_state|egress_refusal)\b`).ReplaceAllString(texts, ""), -1) {
		count++
		kind := strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count")
		if page.kinds[name] == "" && page.kinds[kind] == "" && !slices.Contains(absentMetrics, name) {
			t.Errorf("%s is named, and no process has it", name)
		}
	}
	if count < 40 {
		t.Errorf("%d metrics: the test misses some", count)
	}
}
