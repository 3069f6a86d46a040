package keys

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/tidings-dev/tidings/config/seal"
)

// Users are those that deploy/nats/accounts.conf knows, each by a variable like
// API_NKEY.
var Users = []string{"api", "fanout", "dispatcher", "worker", "services", "acme", "admin"}

// Options say what to make.
type Options struct {
	// Dir is the folder of the files; it is made if need be.
	Dir string
	// Hosts are the names and addresses by which clients and servers reach the NATS
	// servers; all share one certificate, which stays for those that it was for.
	Hosts []string
	// Now is the time; zero is that of the clock.
	Now time.Time
}

// Done is what became of one file.
type Done struct {
	File string // its name in the folder
	Made bool   // or made anew; false if it was kept
	For  string // what it is for
}

// Make makes what is missing. Its error names the file, which is left as it was.
func Make(o Options) ([]Done, error) {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if err := checkHosts(o.Hosts); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make keys: %w", err)
	}
	m := maker{Options: o}
	for _, step := range []func() error{m.users, m.secrets, m.certificates} {
		if err := step(); err != nil {
			return m.done, fmt.Errorf("make keys in %s: %w", o.Dir, err)
		}
	}
	return m.done, nil
}

type maker struct {
	Options
	done []Done
}

// users makes the seeds, and tells the servers their public halves.
func (m *maker) users() error {
	var env strings.Builder
	env.WriteString("# The users' public keys: the environment of nats-server (accounts.conf).\n")
	for _, user := range Users {
		name := user + ".nk"
		seed, err := m.once(name, "seed of the user "+user, newSeed)
		if err != nil {
			return err
		}
		pair, err := nkeys.FromSeed([]byte(strings.TrimSpace(seed)))
		if err != nil {
			return fmt.Errorf("%s holds no NKey seed: %w: remove it to have one made", name, err)
		}
		public, err := pair.PublicKey()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if !nkeys.IsValidPublicUserKey(public) {
			return fmt.Errorf("%s is the seed of no user: %s", name, public)
		}
		fmt.Fprintf(&env, "%s_NKEY=%s\n", strings.ToUpper(user), public)
	}
	return m.anew("nats.env", "the users' public keys, for the NATS servers", env.String())
}

func newSeed() (string, error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return "", err
	}
	seed, err := pair.Seed()
	return string(seed) + "\n", err
}

func (m *maker) secrets() error {
	if _, err := m.once("secrets.key", "opens the secrets in the registry; keep a copy elsewhere", func() (string, error) {
		return seal.NewKey() + "\n", nil
	}); err != nil {
		return err
	}
	_, err := m.once("admin.token", "the first administrator's token", func() (string, error) {
		var b [32]byte
		_, err := rand.Read(b[:])
		return hex.EncodeToString(b[:]) + "\n", err
	})
	return err
}

// once is the content of a file, which is made if it does not exist.
func (m *maker) once(name, what string, content func() (string, error)) (string, error) {
	kept, err := os.ReadFile(filepath.Join(m.Dir, name))
	if err == nil {
		m.done = append(m.done, Done{name, false, what})
		return string(kept), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	text, err := content()
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return text, m.anew(name, what, text)
}

// anew gives a file its content, unless it has it.
func (m *maker) anew(name, what, content string) (err error) {
	path := filepath.Join(m.Dir, name)
	if kept, err := os.ReadFile(path); err == nil && string(kept) == content {
		m.done = append(m.done, Done{name, false, what})
		return nil
	}
	f, err := os.CreateTemp(m.Dir, "."+name+"-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	m.done = append(m.done, Done{name, true, what})
	return nil
}
