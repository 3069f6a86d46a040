package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/schemas"
)

const (
	secretA = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	secretB = "whsec_c2VjcmV0IG51bWJlciB0d28gb2YgdGhpcyB0ZXN0"
	secretC = "whsec_c2VjcmV0IG51bWJlciB0aHJlZSBvZiB0aGlzIHRlc3Q="
)

// read writes a tidings.yaml, beside it the file secret-c, and reads it.
func read(t *testing.T, text string) (config.Declarations, error) {
	t.Helper()
	return readBeside(t, text, nil)
}

// readBeside also writes files beside it; a name may lie in a folder.
func readBeside(t *testing.T, text string, files map[string]string) (config.Declarations, error) {
	t.Helper()
	return config.ReadFile(writeFiles(t, text, files))
}

// writeFiles is the path of a tidings.yaml that has others beside it.
func writeFiles(t testing.TB, text string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, content string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("tidings.yaml", text)
	write("secret-c", secretC+"\n")
	write("bad-secret", "hunter2")
	for name, content := range files {
		write(name, content)
	}
	return filepath.Join(dir, "tidings.yaml")
}

func TestReadFile(t *testing.T) {
	t.Setenv("SECRET_B", secretB)
	got, err := read(t, `
# what we run
tenants:
  - id: acme
    name: Acme Inc.
    endpoints:
      - id: ep_orders
        name: Orders
        url: https://orders.example.com/hooks
        dialect: standard
        secrets:
          - value: `+secretA+`
          - env: SECRET_B
          - file: secret-c
        policy:
          timeout: 20s
          retry: [1s, 1m30s, 36h]
          concurrency: 4
        subscribe: [user.*, room.created]
      - id: ep_quiet
        url: https://example.com
        secrets: [{value: `+secretA+`}]
        policy: {retry: []}
  - id: beta
    quota: {events: 10/s, stored_bytes: 5000000000, endpoints: 2, held: 9}
    retention: {events: 72h, log: 30h}
`)
	if err != nil {
		t.Fatal(err)
	}
	secret := schemas.NewSecret
	want := config.Declarations{
		Tenants: []schemas.Tenant{
			{ID: "acme", Name: "Acme Inc."},
			{ID: "beta", Quota: schemas.Quota{Events: schemas.Rate{Count: 10, Per: time.Second}, StoredBytes: 5e9, Endpoints: 2, Held: 9}, Retention: schemas.Retention{Events: schemas.Duration(72 * time.Hour), Log: schemas.Duration(30 * time.Hour)}},
		},
		Endpoints: []schemas.Endpoint{
			{
				ID: "ep_orders", Tenant: "acme", Name: "Orders", URL: "https://orders.example.com/hooks", Dialect: "standard",
				Secrets: []schemas.Secret{secret(secretA), secret(secretB), secret(secretC)},
				Policy: schemas.Policy{
					Timeout:     schemas.Duration(20 * time.Second),
					Retry:       []schemas.Duration{schemas.Duration(time.Second), schemas.Duration(90 * time.Second), schemas.Duration(36 * time.Hour)},
					Concurrency: 4,
				},
			},
			{ID: "ep_quiet", Tenant: "acme", URL: "https://example.com", Secrets: []schemas.Secret{secret(secretA)}, Policy: schemas.Policy{Retry: []schemas.Duration{}}},
		},
		Subscriptions: []schemas.Subscription{{ID: "sub_orders", Tenant: "acme", Endpoint: "ep_orders", Types: []schemas.TypePattern{"user.*", "room.created"}}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for i, e := range want.Endpoints {
		for j, s := range e.Secrets {
			if got.Endpoints[i].Secrets[j].Reveal() != s.Reveal() {
				t.Errorf("%s: secret %d differs", e.ID, j)
			}
		}
	}
}

func TestReadFileThatDeclaresNothing(t *testing.T) {
	if d, err := read(t, "tenants: []\n"); err != nil || !reflect.DeepEqual(d, config.Declarations{}) {
		t.Errorf("%+v, %v", d, err)
	}
	// It might be one that is just being written.
	for _, text := range []string{"", "# nothing yet\n", "tenants:\n"} {
		if d, err := read(t, text); err == nil || !strings.Contains(err.Error(), `declares nothing: give tenants; or "tenants: []", to remove all that were declared`) {
			t.Errorf("%q: %+v, %v", text, d, err)
		}
	}
}

// acme is a file with one endpoint, ep_a, that has more lines.
func acme(lines ...string) string {
	text := "tenants:\n  - id: acme\n    endpoints:\n      - id: ep_a\n"
	for _, l := range lines {
		text += "        " + l + "\n"
	}
	return text
}

func TestReadFileSaysWhatIsWrong(t *testing.T) {
	const url, secrets = "url: https://example.com", "secrets: [{value: " + secretA + "}]"
	cases := []struct {
		name, text string
		want       []string // each stands in the error
	}{
		{"no YAML", "tenants: [", []string{":1:10: is not YAML: sequence end token ']' not found"}},
		{"unknown field", acme(url, secrets, "uri: x"), []string{":7:9: tenants[0].endpoints[0].uri: is unknown: use id, name, url,"}},
		{"unknown field at the top", "tenant: []\n", []string{":1:1: tenant: is unknown: use types, tokens, tenants"}},
		{"a field twice", acme(url, url, secrets), []string{":6:9: tenants[0].endpoints[0]: has a member twice: leave one out"}},
		{"a list for text", acme("url: [x]", secrets), []string{":5:9: tenants[0].endpoints[0].url: must be text"}},
		{"text for a number", acme(url, secrets, "policy: {concurrency: many}"), []string{":7:18: tenants[0].endpoints[0].policy.concurrency: must be a whole number"}},
		{"duration without a unit", acme(url, secrets, "policy: {timeout: 30}"), []string{`duration "30": write a number with a unit, like "30s", "5m" or "36h"`}},
		{"duration in words", acme(url, secrets, "policy: {retry: [1s, soon]}"), []string{`duration "soon": write a number with a unit`}},
		{"timeout too long", acme(url, secrets, "policy: {timeout: 1h}"), []string{"endpoints[0].policy.timeout: 1h0m0s: use more than 0 and at most 5m0s"}},
		{"retry too late", acme(url, secrets, "policy: {retry: [1s, 400h]}"), []string{"endpoints[0].policy.retry[1]: is 400h0m0s"}},
		{"concurrency", acme(url, secrets, "policy: {concurrency: -1}"), []string{"endpoints[0].policy.concurrency: -1"}},
		{"quota", "tenants: [{id: acme, quota: {endpoints: -1, events: fast, gold: 1}}]\n", []string{
			"tenants[0].quota.endpoints: is -1: use 1 or more", `tenants[0].quota.events: rate "fast"`, "tenants[0].quota.gold: is unknown: use events, stored_bytes, endpoints, held",
		}},
		{"retention", "tenants: [{id: acme, retention: {events: 1s, log: long, all: 1h}}]\n", []string{
			"tenants[0].retention.events: is 1s: use 1h or more", `tenants[0].retention.log: duration "long"`, "tenants[0].retention.all: is unknown: use events, log",
		}},
		{"tenant id", "tenants: [{id: ACME}]\n", []string{`:1:12: tenants[0].id: tenant id "ACME"`}},
		{"endpoint id", strings.Replace(acme(url, secrets), "ep_a", "a", 1), []string{`:4:9: tenants[0].endpoints[0].id: endpoint id "a"`}},
		{"no url", acme(secrets), []string{":4:9: tenants[0].endpoints[0].url: is missing"}},
		{"url scheme", acme("url: ftp://example.com", secrets), []string{`endpoints[0].url: scheme "ftp"`}},
		{"url with credentials", acme("url: https://me:hunter2@example.com", secrets), []string{"endpoints[0].url: carries credentials"}},
		{"dialect", acme(url, secrets, "dialect: latin"), []string{`endpoints[0].dialect: "latin" is unknown`}},
		{"no secret", acme(url), []string{"endpoints[0]: it has no secret"}},
		{"empty secret", acme(url, "secrets: [{}]"), []string{"endpoints[0].secrets[0]: "}},
		{"two ways to the secret", acme(url, "secrets: [{value: "+secretA+", env: SECRET}]"), []string{"endpoints[0].secrets[0]: "}},
		{"env unset", acme(url, "secrets: [{value: "+secretA+"}, {env: TIDINGS_TEST_UNSET}]"), []string{"endpoints[0].secrets[1]: environment variable TIDINGS_TEST_UNSET is not set"}},
		{"env empty", acme(url, "secrets: [{env: TIDINGS_TEST_EMPTY}]"), []string{"endpoints[0].secrets[0]: environment variable TIDINGS_TEST_EMPTY is empty"}},
		{"no secret file", acme(url, "secrets: [{file: nowhere}]"), []string{"endpoints[0].secrets[0]:", "nowhere"}},
		{"no signing secret", acme(url, "secrets: [{value: hunter2}]"), []string{"endpoints[0].secrets[0]:"}},
		{"no signing secret in the file", acme(url, "secrets: [{file: bad-secret}]"), []string{"endpoints[0].secrets[0]:"}},
		{"pattern", acme(url, secrets, "subscribe: [user.*x]"), []string{":7:21: tenants[0].endpoints[0].subscribe[0]:", `pattern "user.*x"`}},
		{"tenant twice", "tenants: [{id: acme}, {id: acme}]\n", []string{`:1:24: tenants[1].id: "acme" is declared twice: it is at line 1 already`}},
		{"endpoint twice", acme(url, secrets) + strings.TrimPrefix(strings.Replace(acme(url, secrets), "acme", "beta", 1), "tenants:\n"), []string{`:9:9: tenants[1].endpoints[0].id: "ep_a" is declared twice: it is at line 4 already`}},
	}
	t.Setenv("TIDINGS_TEST_EMPTY", "")
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d, err := read(t, c.text)
			refused(t, d, err, append(c.want, "tidings.yaml")...)
		})
	}
}

func TestReadFileThatIsNotThere(t *testing.T) {
	_, err := config.ReadFile(filepath.Join(t.TempDir(), "nowhere.yaml"))
	if !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), "nowhere.yaml") {
		t.Errorf("got %v", err)
	}
}
