package listen

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/cmd/tidings/cli"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/call"
)

// TestReadmeOfPulling does what README says under "Receiving without a public address".
func TestReadmeOfPulling(t *testing.T) {
	text, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Receiving without a public address\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var calls, listens []string
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "api ") {
			calls = append(calls, strings.TrimSpace(line))
		}
		if args, ok := strings.CutPrefix(line, "tidings listen"); ok {
			listens = append(listens, strings.TrimSpace(args))
		}
	}
	if len(calls) != 3 || len(listens) != 3 {
		t.Fatalf("calls %q, listens %q", calls, listens)
	}
	synctest.Test(t, func(t *testing.T) {
		s := startService(t)
		s.readmeCalls(calls)
		s.readmeListens(listens)
	})
}

var readmeCall = regexp.MustCompile(`^api localhost:8080/v1/tenants/acme(/\S+) -d '(.*)'$`)

// readmeCalls makes an endpoint, polls and settles.
func (s *service) readmeCalls(calls []string) {
	s.t.Helper()
	id, receipts := "", []string{}
	for _, call := range calls {
		parts := readmeCall.FindStringSubmatch(call)
		if parts == nil {
			s.t.Fatalf("%s", call)
		}
		path, body := strings.ReplaceAll(parts[1], "ep_…", id), parts[2]
		for _, r := range receipts {
			body = strings.Replace(body, `"…"`, `"`+r+`"`, 1)
		}
		var got struct {
			ID         string
			Deliveries []struct{ Receipt string }
			Settled    []struct{ Status string }
		}
		if id != "" && len(receipts) == 0 { // what is polled
			s.call("POST", "/subscriptions", `{"endpoint":"`+id+`","types":["order.*"]}`, &struct{}{})
			for _, e := range []string{"e1", "e2", "e3"} {
				s.publish(s.t.Context(), e)
			}
			<-time.After(time.Second)
		}
		s.call("POST", path, body, &got)
		if got.ID != "" {
			id = got.ID
		}
		for _, d := range got.Deliveries {
			receipts = append(receipts, d.Receipt)
		}
		if got.Settled != nil {
			statuses, _ := json.Marshal(got.Settled)
			if string(statuses) != `[{"Status":"delivered"},{"Status":"retry"},{"Status":"extended"}]` {
				s.t.Errorf("settled %s", statuses)
			}
		}
	}
}

// readmeListens runs each command until it listens.
func (s *service) readmeListens(listens []string) {
	s.t.Helper()
	for _, line := range listens {
		cmd := Command(cli.New(call.Environment{}))
		var o listenOptions
		cmd.SetArgs(nil)
		if err := cmd.ParseFlags(words(line)); err != nil {
			s.t.Fatalf("%s: %v", line, err)
		}
		f := cmd.Flags()
		o.types, _ = f.GetStringSlice("types")
		o.filters, _ = f.GetStringArray("filter")
		o.dialect, _ = f.GetString("dialect")
		o.retry, _ = f.GetDurationSlice("retry")
		o.printJSON, _ = f.GetBool("print-json")
		var program http.HandlerFunc
		if f.Changed("forward-to") {
			program = func(http.ResponseWriter, *http.Request) {}
		}
		e := s.listens(o, s.api, program)
		if e.stop(); e.err != nil {
			s.t.Errorf("%s: %v", line, e.err)
		}
	}
}

// words are those of a command line with single quotes.
func words(line string) []string {
	found := regexp.MustCompile(`'[^']*'|\S+`).FindAllString(line, -1)
	for i, w := range found {
		found[i] = strings.Trim(w, "'")
	}
	return found
}
