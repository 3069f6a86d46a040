package broker_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/tidings-dev/tidings/config/broker"
	"github.com/tidings-dev/tidings/config/streams"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

// shippedUsers is the file of deploy with keys made by the test; seeds are files.
func shippedUsers(t *testing.T) (path string, seeds map[string]string) {
	t.Helper()
	seeds = map[string]string{}
	for _, user := range []string{"API", "FANOUT", "DISPATCHER", "WORKER", "SERVICES", "ACME", "ADMIN"} {
		key, err := nkeys.CreateUser()
		if err != nil {
			t.Fatal(err)
		}
		public, _ := key.PublicKey()
		seed, _ := key.Seed()
		t.Setenv(user+"_NKEY", public)
		seeds[user] = file(t, user+".nk", string(seed))
	}
	return "../../deploy/nats/accounts.conf", seeds
}

// usersWithTLS is a file that includes a copy of users, as deploy/README.md has it.
func usersWithTLS(t *testing.T, users string) (path, ca string) {
	t.Helper()
	text, err := os.ReadFile(users)
	if err != nil {
		t.Fatal(err)
	}
	cert, key, ca := selfSignedFiles(t)
	path = file(t, "users.conf", "include ./accounts.conf\ntls { cert_file: \""+cert+"\", key_file: \""+key+"\" }\n")
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "accounts.conf"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, ca
}

// embedded runs a server until the test ends.
func embedded(t *testing.T, e broker.Embedded, log *slog.Logger) *broker.Server {
	t.Helper()
	if e.DataDir == "" {
		e.DataDir = t.TempDir()
	}
	s, err := broker.StartEmbedded(t.Context(), e, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// applied makes the streams with the process's own connection.
func applied(t *testing.T, s *broker.Server) *nats.Conn {
	t.Helper()
	nc, err := s.Connect("test", quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if _, err := streams.Apply(t.Context(), nc, streamstest.Small()); err != nil {
		t.Fatal(err)
	}
	return nc
}

// TestEmbeddedAsksWhoTheyAre runs with the users of deploy, with TLS and without.
func TestEmbeddedAsksWhoTheyAre(t *testing.T) {
	users, seeds := shippedUsers(t)
	withTLS, ca := usersWithTLS(t, users)
	for name, row := range map[string]struct{ users, ca string }{"plain": {users, ""}, "TLS": {withTLS, ca}} {
		t.Run(name, func(t *testing.T) {
			s := embedded(t, broker.Embedded{Listen: "127.0.0.1:0", Users: row.users}, quiet)
			applied(t, s)
			acme, err := broker.Remote{URL: s.URL(), NKey: seeds["ACME"], CA: row.ca}.Connect("test", quiet)
			if err != nil {
				t.Fatal(err)
			}
			defer acme.Close()
			if _, err := acme.TLSConnectionState(); (err == nil) != (row.ca != "") {
				t.Errorf("TLS: %v", err)
			}
			js, err := jetstream.New(acme)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := js.Publish(t.Context(), "events.acme.x", nil); err != nil {
				t.Error(err)
			}
			if err := errors.Join(acme.Publish("events.globex.x", nil), acme.Flush()); err != nil {
				t.Fatal(err)
			}
			if !errors.Is(acme.LastError(), nats.ErrPermissionViolation) {
				t.Errorf("another tenant's event: %v", acme.LastError())
			}
			for who, r := range map[string]broker.Remote{"nobody": {}, "a stranger": {NKey: stranger(t)}} {
				r.URL, r.CA = s.URL(), row.ca
				if nc, err := r.Connect("test", quiet); !errors.Is(err, nats.ErrAuthorization) {
					t.Errorf("%s: %v", who, err)
					if nc != nil {
						nc.Close()
					}
				}
			}
		})
	}
}

func stranger(t *testing.T) (file string) {
	_, seeds := shippedUsers(t)
	return seeds["API"]
}

// TestEmbeddedListensElsewhereWithUsers would listen at an address that no machine
// has (RFC 5737): so nobody reaches it while the test runs.
func TestEmbeddedListensElsewhereWithUsers(t *testing.T) {
	users, _ := shippedUsers(t)
	withTLS, _ := usersWithTLS(t, users)
	for path, warns := range map[string]bool{users: true, withTLS: false} {
		var said bytes.Buffer
		log := slog.New(slog.NewTextHandler(&said, nil))
		s, err := broker.StartEmbedded(t.Context(), broker.Embedded{DataDir: t.TempDir(), Listen: "192.0.2.1:4222", Users: path}, log)
		if err == nil {
			s.Close()
			t.Fatal("this machine has an address for documentation")
		}
		if !schemas.HasCode(err, schemas.CodeUnavailable) || !strings.Contains(err.Error(), "bind: ") {
			t.Errorf("got %v, want it to have tried", err)
		}
		if strings.Contains(said.String(), "without TLS") != warns {
			t.Errorf("%s: said %s", path, said.String())
		}
	}
}

// TestStreamsFollowTheUsers has users come to a data directory, and go.
func TestStreamsFollowTheUsers(t *testing.T) {
	users, _ := shippedUsers(t)
	dir := t.TempDir()
	for i, e := range []broker.Embedded{{}, {Users: users}, {Users: users}, {}} {
		e.DataDir = dir
		s, err := broker.StartEmbedded(t.Context(), e, quiet)
		if err != nil {
			t.Fatal(err)
		}
		nc := applied(t, s)
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		ack, err := js.Publish(t.Context(), "events.acme.x", nil)
		if err != nil || ack.Sequence != uint64(i+1) {
			t.Errorf("start %d: event %+v, %v", i+1, ack, err)
		}
		nc.Close()
		s.Close()
	}
	if err := os.MkdirAll(filepath.Join(dir, "jetstream", "TIDINGS", "streams"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := broker.StartEmbedded(t.Context(), broker.Embedded{DataDir: dir}, quiet); !schemas.HasCode(err, schemas.CodeConflict) {
		t.Errorf("streams of both kinds: %v", err)
	}
}

func TestUsersRefuses(t *testing.T) {
	for name, row := range map[string]struct{ text, want string }{
		"no file":            {"", "no such file"},
		"not closed":         {"accounts {\n  TIDINGS {\n", "users.conf"},
		"unknown field":      {"accounts {\n  TIDINGS {\n    jetstream: enabled\n    usres: []\n  }\n}\n", "users.conf:4:"},
		"variable not set":   {"accounts {\n  TIDINGS { users: [{nkey: $NO_SUCH_NKEY}] }\n}\n", "NO_SUCH_NKEY"},
		"no NKey":            {"accounts {\n  TIDINGS { users: [{nkey: UABC}] }\n}\n", "users.conf:2:"},
		"another account":    {"accounts { ACME { users: [] } }\n", "has no account TIDINGS"},
		"empty":              {"\n", "has no account TIDINGS"},
		"a whole server's":   {"accounts { TIDINGS { jetstream: enabled } }\nlisten: \"0.0.0.0:4222\"\n", `users.conf:2: "listen" is not for the embedded broker`},
		"who says nothing":   {"accounts { TIDINGS { jetstream: enabled, users: [{user: a, password: b}] } }\nno_auth_user: a\n", `"no_auth_user" is not for`},
		"users of no group":  {"authorization { user: a, password: b }\n", `"authorization" is not for`},
		"certificate absent": {"accounts { TIDINGS { jetstream: enabled } }\ntls { cert_file: \"/nowhere\", key_file: \"/nowhere\" }\n", "/nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "users.conf")
			if row.text != "" {
				path = file(t, "users.conf", row.text)
			}
			s, err := broker.StartEmbedded(t.Context(), broker.Embedded{DataDir: t.TempDir(), Users: path}, quiet)
			if err == nil {
				s.Close()
				t.Fatal("not refused")
			}
			if !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), "--nats-users "+path) || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q\nwant it to say %q", err, row.want)
			}
		})
	}
}
