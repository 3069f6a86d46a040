package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

// TestARefusedFilterIsPointedAt has a server refuse an expression.
func TestARefusedFilterIsPointedAt(t *testing.T) {
	refuse := func(detail string) server {
		return func(string, string) (int, string) {
			text, _ := json.Marshal(detail)
			return 400, `{"title":"x","status":400,"code":"invalid","field":"filters","detail":` + string(text) + `}`
		}
	}
	const cel = "\nIt is CEL: attributes go by their names, like type and subject, and data by its members, like data.amount > 100."
	for _, c := range []struct {
		name, detail string
		args         []string
		want         string
	}{
		{"a flag", "filters[0].cel: 1:6: undefined field 'amout'", []string{"--filter", "data.amout > 100"}, "filters[0].cel: undefined field 'amout'\n    data.amout > 100\n         ^" + cel},
		{"the second, in JSON", "filters[1].not.cel: 2:1: Syntax error", []string{"--filter", "true", "--filter", `{"not":{"cel":"a ==\n)"}}`}, "filters[1].not.cel: Syntax error\n    )\n    ^" + cel},
		{"by --set", "filters[0].any[0].sql: 1:8: what is =", []string{"--set", `filters=[{"any":[{"sql":"type = = 'x'"}]}]`}, "filters[0].any[0].sql: what is =\n    type = = 'x'\n           ^\nIt is CloudEvents SQL, over attributes only, like subject LIKE 'a%' AND type = 'order.paid'."},
		{"elsewhere", "filters[7].cel: 1:1: x", []string{"--filter", "a"}, "POST http://127.0.0.1:8080/v1/tenants/acme/subscriptions: filters[7].cel: 1:1: x (400 invalid)"},
		{"of another kind", "types[0]: x", []string{"--filter", "a"}, "POST http://127.0.0.1:8080/v1/tenants/acme/subscriptions: filters: types[0]: x (400 invalid)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := newTerminal(refuse(c.detail)).run(t.Context(), append([]string{"subscriptions", "create", "ep_a", "order.paid", "--tenant", "acme"}, c.args...)...)
			if usage.ExitCode(err) != usage.ExitFailed {
				t.Fatalf("exits %d: %v", usage.ExitCode(err), err)
			}
			if diff := cmp.Diff(c.want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestWhatFlagsSayIsPointedAt has nobody called for what is worded wrongly.
func TestWhatFlagsSayIsPointedAt(t *testing.T) {
	for _, c := range []struct{ flag, text, what, mark string }{
		{"--set", `policy.rate`, "--set: there is no value", "           ^"},
		{"--set", `a..b=1`, "--set: the name of a member is missing", "  ^"},
		{"--set", `=1`, "--set: the name of a member is missing", "^"},
		{"--set", `policy.retry[0]=5s`, "--set: brackets have no meaning in a path: an element goes by its number, like retry.0", "            ^"},
		{"--set", `policy.retry=["5s","5m"`, "--set: the value begins like JSON and is none: unexpected end of JSON input", "                       ^"},
		{"--set", `ä.b={c:1}`, "--set: the value begins like JSON and is none: invalid character 'c' looking for beginning of object key string", "     ^"},
		{"--set", `name.first=a`, `--set: name is no object, so it has no member "first"`, "     ^"},
		{"--filter", `{"exact": {'subject': 1}}`, "--filter: it begins like a filter in JSON, and is not valid: invalid character '\\'' looking for beginning of object key string", "           ^"},
	} {
		term := newTerminal(nil)
		_, _, err := term.run(t.Context(), "subscriptions", "update", "sub_a", "--tenant", "acme", "--set", "name=x", c.flag, c.text)
		if usage.ExitCode(err) != usage.ExitUsage || len(term.calls) > 0 {
			t.Fatalf("%s %s: exits %d: %v", c.flag, c.text, usage.ExitCode(err), err)
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != 4 || lines[3] == "" {
			t.Fatalf("%s %s: says %q", c.flag, c.text, lines)
		}
		if diff := cmp.Diff([]string{c.what, "    " + c.text, "    " + c.mark}, lines[:3]); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", c.flag, c.text, diff)
		}
	}
}
