package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// deployed is a file of deploy.
func deployed(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(moduleRoot(t), "deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// described are the words of deploy/metrics.md that an expression may use: names on
// /metrics, and labels.
func described(t *testing.T) []string {
	t.Helper()
	var words []string
	for line := range strings.Lines(deployed(t, "metrics.md")) {
		cells := strings.Split(line, "|")
		if len(cells) != 7 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		names := regexp.MustCompile("<br>`([a-z_]+)`").FindStringSubmatch(cells[1])
		if names == nil {
			continue
		}
		name := names[1]
		if strings.TrimSpace(cells[2]) == "histogram" {
			words = append(words, name+"_bucket", name+"_sum", name+"_count")
		} else {
			words = append(words, name)
		}
		for _, attribute := range regexp.MustCompile("`([a-z._]+)`").FindAllStringSubmatch(cells[4], -1) {
			words = append(words, strings.ReplaceAll(attribute[1], ".", "_"))
		}
	}
	if len(words) < 50 {
		t.Fatalf("deploy/metrics.md describes %d names: its table is written otherwise", len(words))
	}
	return words
}

// undescribed are the words of an expression that are Tidings' and not described.
func undescribed(expr string, words []string) (unknown []string) {
	for _, word := range regexp.MustCompile(`\b(tidings|go)_[a-z_]+`).FindAllString(expr, -1) {
		if !slices.Contains(words, word) {
			unknown = append(unknown, word)
		}
	}
	return unknown
}

func TestUndescribed(t *testing.T) {
	got := undescribed(`sum by (tidings_role) (rate(tidings_attempts_total{tidings_reason="x"}[5m])) / go_nothing`, described(t))
	if want := []string{"go_nothing"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestDashboardShowsWhatThereIs holds each query to the reference.
func TestDashboardShowsWhatThereIs(t *testing.T) {
	var dashboard struct {
		Panels []struct {
			Type, Title string
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(deployed(t, "grafana/tidings.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	words, rows := described(t), 0
	for _, p := range dashboard.Panels {
		if p.Type == "row" {
			rows++
		} else if len(p.Targets) == 0 {
			t.Errorf("panel %q shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			if unknown := undescribed(target.Expr, words); len(unknown) > 0 {
				t.Errorf("panel %q: %q are not in deploy/metrics.md", p.Title, unknown)
			}
		}
	}
	if rows != 7 {
		t.Errorf("%d rows, want 7", rows)
	}
}

// TestAlertsHaveRunbooks holds each alert to the reference, its tests and its runbook.
func TestAlertsHaveRunbooks(t *testing.T) {
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Labels      map[string]string
				Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(deployed(t, "prometheus/rules.yml")), &rules); err != nil {
		t.Fatal(err)
	}
	const page = "https://github.com/tidings-dev/tidings/blob/main/deploy/runbooks.md#"
	words, runbooks, tests := described(t), deployed(t, "runbooks.md"), deployed(t, "prometheus/rules_test.yml")
	alerts := 0
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			alerts++
			if unknown := undescribed(r.Expr, words); len(unknown) > 0 {
				t.Errorf("%s: %q are not in deploy/metrics.md", r.Alert, unknown)
			}
			if r.Annotations["runbook_url"] != page+strings.ToLower(r.Alert) {
				t.Errorf("%s: runbook_url is %q", r.Alert, r.Annotations["runbook_url"])
			}
			if !strings.Contains(runbooks, "\n## "+r.Alert+"\n") {
				t.Errorf("%s has no section in deploy/runbooks.md", r.Alert)
			}
			if s := r.Labels["severity"]; s != "critical" && s != "warning" {
				t.Errorf("%s: severity is %q", r.Alert, s)
			}
			if !strings.Contains(tests, r.Annotations["runbook_url"]) {
				t.Errorf("%s: no test of rules_test.yml has it fire", r.Alert)
			}
		}
	}
	if sections := strings.Count(runbooks, "\n## "); alerts == 0 || sections != alerts {
		t.Errorf("%d alerts, and %d sections in deploy/runbooks.md", alerts, sections)
	}
}
