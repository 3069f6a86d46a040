package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/seal"
	"github.com/tidings-dev/tidings/schemas"
)

// opens reports whether what one ring seals another opens.
func opens(t *testing.T, sealing, opening *seal.Keyring) bool {
	t.Helper()
	if sealing == nil || opening == nil {
		t.Fatal("there is no ring")
	}
	plain, err := opening.Open(sealing.Seal([]byte("plain"), []byte("about")), []byte("about"))
	return err == nil && string(plain) == "plain"
}

// keyFile is a new key, its ring, and a file of it.
func keyFile(t *testing.T) (text string, ring *seal.Keyring, path string) {
	t.Helper()
	text = seal.NewKey()
	ring, err := seal.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte("# ours\n"+text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return text, ring, path
}

func TestKeyringIsGiven(t *testing.T) {
	text, ring, path := keyFile(t)
	for _, url := range []string{"", "nats://elsewhere:4222"} {
		dir := filepath.Join(t.TempDir(), "data")
		s := config.Settings{DataDir: dir, Roles: []string{"all"}, NATS: config.NATS{URL: url}, SecretsKeyFile: path}
		got, err := s.Keyring()
		if err != nil || !opens(t, ring, got) {
			t.Errorf("from a file: %v", err)
		}
		s.SecretsKeyFile = ""
		t.Setenv("TIDINGS_SECRETS_KEY", text)
		if got, err = s.Keyring(); err != nil || !opens(t, ring, got) {
			t.Errorf("from the variable: %v", err)
		}
		s.SecretsKeyFile = path
		if _, err = s.Keyring(); !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), "TIDINGS_SECRETS_KEY and --secrets-key-file are both set") {
			t.Errorf("from both: %v", err)
		}
		t.Setenv("TIDINGS_SECRETS_KEY", "")
		if _, err = s.Keyring(); err != nil {
			t.Errorf("an empty variable counts: %v", err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Error("a folder was made though the key was given")
		}
	}
}

func TestKeyringIsRefused(t *testing.T) {
	_, _, good := keyFile(t)
	bad := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(bad, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	elsewhere := config.NATS{URL: "nats://elsewhere:4222"}
	cases := []struct {
		name string
		s    config.Settings
		env  string
		want string // in the error; "" is no error, and no ring
	}{
		{"no file", config.Settings{SecretsKeyFile: good + "x"}, "", "--secrets-key-file: stat "},
		{"no key in the file", config.Settings{SecretsKeyFile: bad}, "", "--secrets-key-file " + bad + ": "},
		{"no key in the variable", config.Settings{}, "hunter2", "TIDINGS_SECRETS_KEY: "},
		{"all on a broker elsewhere", config.Settings{NATS: elsewhere, Roles: []string{"all"}}, "", "give all processes the same --secrets-key-file, or TIDINGS_SECRETS_KEY"},
		{"dispatcher", config.Settings{NATS: elsewhere, Roles: []string{"fanout", "dispatcher"}}, "", "the roles dispatcher and api need the key"},
		{"api", config.Settings{NATS: elsewhere, Roles: []string{"api"}}, "", "the roles dispatcher and api need the key"},
		{"fanout", config.Settings{NATS: elsewhere, Roles: []string{"fanout"}}, "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("TIDINGS_SECRETS_KEY", c.env)
			got, err := c.s.Keyring()
			switch {
			case got != nil:
				t.Error("there is a ring")
			case c.want == "" && err != nil:
				t.Errorf("got %v", err)
			case c.want != "" && (!schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2")):
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// ownRing asks for the ring of a data directory.
func ownRing(dir string) (*seal.Keyring, error) {
	s := config.Settings{DataDir: dir, Roles: []string{"fanout"}}
	return s.Keyring()
}

// TestKeyringOfTheDataDirectory is made by the first who asks, and stays.
func TestKeyringOfTheDataDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	rings := make([]*seal.Keyring, 16)
	var group sync.WaitGroup
	for i := range rings {
		group.Go(func() {
			var err error
			if rings[i], err = ownRing(dir); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, ring := range rings {
		if !opens(t, rings[0], ring) {
			t.Fatal("two who asked at once have two keys")
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "secrets.key" {
		t.Fatalf("the folder has %v, %v", entries, err)
	}
	if info, err := entries[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
}

// TestKeyringThatIsGone is not made again once something may be sealed with it.
func TestKeyringThatIsGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "da[t]a*")
	path := filepath.Join(dir, "secrets.key")
	first, err := ownRing(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "jetstream", "$G", "streams", "KV_tidings-registry"), 0o750); err != nil {
		t.Fatal(err)
	}
	if again, err := ownRing(dir); err != nil || !opens(t, first, again) {
		t.Errorf("with streams: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := ownRing(dir); !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), "secrets.key is gone, but the streams are there") {
		t.Errorf("without the key: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("a key was made: %v, %v", entries, err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ownRing(dir); !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), "secrets.key: key file: it has no key") {
		t.Errorf("with an empty file: %v", err)
	}
}

func TestKeyringWhereNothingCanBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := config.Settings{DataDir: filepath.Join(file, "data")}
	if _, err := s.Keyring(); !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), "key of the secrets: ") {
		t.Errorf("got %v", err)
	}
}

func TestAdminToken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	cases := []struct{ name, env, file, want, refused string }{
		{"none", "", "", "", ""},
		{"variable", "four-and-twenty-blackbirds", "", "four-and-twenty-blackbirds", ""},
		{"file", "", "four-and-twenty-blackbirds\n", "four-and-twenty-blackbirds", ""},
		{"both", "four-and-twenty-blackbirds", "four-and-twenty-blackbirds", "", "TIDINGS_ADMIN_TOKEN and --admin-token-file are both set"},
		{"short", "hunter2", "", "", "TIDINGS_ADMIN_TOKEN: the token has 7 characters: use at least 20"},
		{"short but for space", "", "hunter2" + strings.Repeat("\n", 20), "", path + ": the token has 7 characters"},
		{"twenty", "", strings.Repeat("x", 20), strings.Repeat("x", 20), ""},
		{"nineteen", "", strings.Repeat("x", 19), "", "has 19 characters"},
		{"two lines", "", "hunter2-hunter2\nhunter2-hunter2", "", "no HTTP header could carry it"},
		{"not ASCII", strings.Repeat("ä", 20), "", "", "no HTTP header could carry it"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("TIDINGS_ADMIN_TOKEN", c.env)
			var s config.Settings
			if c.file != "" {
				if err := os.WriteFile(path, []byte(c.file), 0o600); err != nil {
					t.Fatal(err)
				}
				s.AdminTokenFile = path
			}
			got, err := s.AdminToken()
			switch {
			case got != c.want:
				t.Errorf("got %q, want %q", got, c.want)
			case c.refused == "" && err != nil:
				t.Errorf("got %v", err)
			case c.refused != "" && (!schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), c.refused) || strings.Contains(err.Error(), "hunter2")):
				t.Errorf("got %v, want %q", err, c.refused)
			}
		})
	}
	s := config.Settings{AdminTokenFile: path + "x"}
	if _, err := s.AdminToken(); !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), "--admin-token-file: stat ") {
		t.Errorf("no file: %v", err)
	}
}

func TestAPILimits(t *testing.T) {
	for _, c := range []struct {
		args  []string
		rate  float64
		burst int
	}{
		{nil, 100, 200},
		{[]string{"--api-rate", "30/m", "--api-burst", "5"}, 0.5, 5},
		{[]string{"--api-rate", "", "--api-burst", "0"}, 100, 200},
	} {
		s, err := parse(c.args...)
		if err == nil {
			err = s.Validate()
		}
		if rate, burst := s.API.Limits(); err != nil || rate != c.rate || burst != c.burst {
			t.Errorf("%q: %v a second, burst %d, %v", c.args, rate, burst, err)
		}
	}
	if rate, burst := (config.API{}).Limits(); rate != 100 || burst != 200 {
		t.Errorf("by default %v a second, burst %d", rate, burst)
	}
	if _, err := parse("--api-rate", "10"); err == nil || !strings.Contains(err.Error(), "--api-rate") {
		t.Errorf("a rate without a unit: %v", err)
	}
}
