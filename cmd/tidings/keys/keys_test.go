package keys_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/cmd/tidings/keys"
	"github.com/tidings-dev/tidings/config/seal"
	"github.com/tidings-dev/tidings/schemas"
)

// made runs Make, and returns the files that it made.
func made(t *testing.T, o keys.Options) (names []string) {
	t.Helper()
	done, err := keys.Make(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range done {
		if d.Made {
			names = append(names, d.File)
		}
	}
	slices.Sort(names)
	return names
}

func read(t *testing.T, parts ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestWhatIsThereIsKept makes all once, and then only what is missing or due.
func TestWhatIsThereIsKept(t *testing.T) {
	o := keys.Options{Dir: filepath.Join(t.TempDir(), "of", "a", "fleet"), Hosts: []string{"nats-0", "127.0.0.1"}}
	if n := len(made(t, o)); n != 14 {
		t.Errorf("%d files were made, want 14", n)
	}
	entries, err := os.ReadDir(o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is open to others: %v, %v", entry.Name(), info.Mode(), err)
		}
	}
	certificate := []string{"nats.key", "nats.pem"}
	for _, step := range []struct {
		what   string
		change func()
		want   []string
	}{
		{"nothing", func() {}, nil},
		{"fewer hosts", func() { o.Hosts = o.Hosts[:1] }, nil},
		{"one more host", func() { o.Hosts = append(o.Hosts, "10.1.2.3") }, certificate},
		{"a seed is gone", func() { _ = os.Remove(filepath.Join(o.Dir, "acme.nk")) }, []string{"acme.nk", "nats.env"}},
		{"a key that does not fit", func() { _ = os.Remove(filepath.Join(o.Dir, "nats.key")) }, certificate},
		{"nearly two years on", func() { o.Now = time.Now().AddDate(1, 11, 0) }, certificate},
	} {
		step.change()
		if diff := cmp.Diff(step.want, made(t, o)); diff != "" {
			t.Errorf("%s: made (-want +got):\n%s", step.what, diff)
		}
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(o.Dir, "nats.pem"), filepath.Join(o.Dir, "nats.key"))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"nats-0", "127.0.0.1", "10.1.2.3"} { // the second is no longer given, and the third came later
		if err := pair.Leaf.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	if _, err := seal.Parse(read(t, o.Dir, "secrets.key")); err != nil {
		t.Error(err)
	}
}

// TestUsersAreThoseOfTheServers holds the list to deploy/nats/accounts.conf.
func TestUsersAreThoseOfTheServers(t *testing.T) {
	var want []string
	for _, m := range regexp.MustCompile(`(?m)^[^#\n]*nkey: \$([A-Z]+)_NKEY`).FindAllStringSubmatch(read(t, "../../../deploy/nats/accounts.conf"), -1) {
		want = append(want, strings.ToLower(m[1]))
	}
	if diff := cmp.Diff(want, keys.Users); diff != "" {
		t.Errorf("users (-accounts.conf +keys):\n%s", diff)
	}
}

// TestTheServersTakeThem runs a server of deploy/nats on the keys, and connects to it.
func TestTheServersTakeThem(t *testing.T) {
	dir := t.TempDir()
	made(t, keys.Options{Dir: dir, Hosts: []string{"127.0.0.1"}})
	for line := range strings.Lines(read(t, dir, "nats.env")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			t.Setenv(name, value)
		}
	}
	for name, value := range map[string]string{
		"NATS_NAME": "nats-0", "NATS_STORE_DIR": filepath.Join(dir, "data"), "NATS_MAX_MEMORY": "100MB", "NATS_MAX_FILE": "100MB",
		"NATS_CERT": filepath.Join(dir, "nats.pem"), "NATS_KEY": filepath.Join(dir, "nats.key"), "NATS_CA": filepath.Join(dir, "ca.pem"),
		"NATS_ROUTE_1": `"nats-route://nats-0:6222"`, "NATS_ROUTE_2": `"nats-route://nats-1:6222"`, "NATS_ROUTE_3": `"nats-route://nats-2:6222"`,
	} {
		t.Setenv(name, value)
	}
	o, err := server.ProcessConfigFile("../../../deploy/nats/nats-server.conf")
	if err != nil {
		t.Fatal(err)
	}
	o.Host, o.Port, o.HTTPPort, o.Cluster, o.Routes, o.NoSigs = "127.0.0.1", server.RANDOM_PORT, 0, server.ClusterOpts{}, nil, true
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("the server does not start")
	}
	for _, user := range keys.Users {
		as, err := nats.NkeyOptionFromSeed(filepath.Join(dir, user+".nk"))
		if err != nil {
			t.Fatal(err)
		}
		nc, err := nats.Connect(s.ClientURL(), as, nats.RootCAs(filepath.Join(dir, "ca.pem")))
		if err != nil {
			t.Errorf("%s: %v", user, err)
			continue
		}
		nc.Close()
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "nats.pem"), filepath.Join(dir, "nats.key"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(read(t, dir, "ca.pem")))
	if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Errorf("a route is refused: %v", err)
	}
}

// TestWhatIsBrokenIsNotReplaced names the file, and leaves it.
func TestWhatIsBrokenIsNotReplaced(t *testing.T) {
	for name, content := range map[string]string{"api.nk": "no seed", "ca.key": ""} {
		o := keys.Options{Dir: t.TempDir(), Hosts: []string{"nats-0"}}
		path := filepath.Join(o.Dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := keys.Make(o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if got := read(t, path); got != content {
			t.Errorf("%s became %q", name, got)
		}
	}
	if _, err := keys.Make(keys.Options{Dir: t.TempDir()}); err == nil {
		t.Error("made for no host")
	}
}

func TestHostsAreHosts(t *testing.T) {
	for _, host := range []string{"bad host!", "nats://nats-0", "nats-0:4222", "", "a..b", "-a", "*", "nats-0,nats-1", "10.0.0.256", "7", strings.Repeat("a", 64)} {
		dir := filepath.Join(t.TempDir(), "keys")
		if _, err := keys.Make(keys.Options{Dir: dir, Hosts: []string{"nats-0", host}}); !schemas.HasCode(err, schemas.CodeInvalid) {
			t.Errorf("%q: %v", host, err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%q: something was made", host)
		}
	}
	made(t, keys.Options{Dir: t.TempDir(), Hosts: []string{"*.hooks-nats-headless", "nats_0.example.org", "::1", "10.0.0.1"}})
}
