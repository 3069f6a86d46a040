package dialect_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/dialect"
	"github.com/tidings-dev/tidings/schemas"
)

// TestReadme holds the table in README.md to the dialects themselves.
func TestReadme(t *testing.T) {
	content, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(content), "<!-- table:")
	table, _, found := strings.Cut(table, "<!-- end of table -->")
	if !found {
		t.Fatal("README.md has no table")
	}
	for _, name := range schemas.Dialects() {
		d, err := dialect.For(name)
		if err != nil {
			t.Fatal(err)
		}
		if row := row(name, d); !strings.Contains(table, row+"\n") {
			t.Errorf("the table lacks the row\n%s", row)
		}
	}
	if rows := strings.Count(table, "\n|"); rows != len(schemas.Dialects())+2 {
		t.Errorf("the table has %d rows", rows)
	}
}

func row(name schemas.Dialect, d dialect.Dialect) string {
	success, retries, others := "2xx", "never", "410 disables the endpoint"
	if d.Rules.Success != nil {
		success = joined(d.Rules.Success)
	}
	if len(d.Schedule) > 0 {
		retries = joined(d.Schedule)
		if d.Rules.Exact {
			retries += ", to the second"
		}
	}
	switch {
	case d.Rules.RetryOn != nil:
		others = "only " + joined(d.Rules.RetryOn) + " are retried"
	case len(d.Schedule) == 0:
		others = ""
	case d.Rules.KeepGone:
		others = "retried"
	}
	return strings.ReplaceAll(fmt.Sprintf("| %s | %s | %s | %s | %s |", name, success, short(d.Timeout), retries, others), "|  |", "| |")
}

func joined[T any](list []T) string {
	texts := make([]string, len(list))
	for i, v := range list {
		if d, ok := any(v).(time.Duration); ok {
			texts[i] = short(d)
		} else {
			texts[i] = fmt.Sprint(v)
		}
	}
	return strings.Join(texts, ", ")
}

// short is 30m where Go says 30m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
