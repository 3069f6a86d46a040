package broker

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nats-io/nats-server/v2/conf"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/tidings-dev/tidings/schemas"
)

const (
	// usersAccount holds the streams where there are users, as in deploy/nats.
	usersAccount = "TIDINGS"
	// noAccount is the server's own name for where they are without.
	noAccount = "$G"
)

// usersMayHold is what a file of users may say beside variables: all else is
// this package's to decide.
var usersMayHold = []string{"accounts", "system_account", "tls"}

// readUsers is the part of a server's configuration that says who may connect.
func readUsers(path string) (*server.Options, error) {
	if err := onlyUsers(path); err != nil {
		return nil, err
	}
	opts, err := server.ProcessConfigFile(path)
	if err != nil {
		return nil, usersError(path, err)
	}
	if usersIn(opts) == nil {
		return nil, schemas.Errorf(schemas.CodeInvalid, "--nats-users %s has no account %s, in which the embedded broker keeps its streams: write it like deploy/nats/accounts.conf", path, usersAccount)
	}
	return opts, nil
}

// onlyUsers refuses a whole server's configuration, much of which would be left
// aside.
func onlyUsers(path string) error {
	keys, err := conf.ParseFileWithChecks(path)
	if err != nil {
		return usersError(path, err)
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		at, ok := keys[key].(interface {
			IsUsedVariable() bool
			Line() int
		})
		if !ok || at.IsUsedVariable() || slices.Contains(usersMayHold, strings.ToLower(key)) {
			continue
		}
		return schemas.Errorf(schemas.CodeInvalid, "--nats-users %s:%d: %q is not for the embedded broker: the file may say %s, and variables that these use; a server with other settings runs by itself, with --nats-url",
			path, at.Line(), key, strings.Join(usersMayHold, ", "))
	}
	return nil
}

// usersError brings the parser's errors, of which there may be many, into one line.
func usersError(path string, err error) error {
	return schemas.Errorf(schemas.CodeInvalid, "--nats-users %s: %s", path, strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; "))
}

// usersIn is the account that holds the streams; nil if there is none.
func usersIn(opts *server.Options) *server.Account {
	for _, a := range opts.Accounts {
		if a.GetName() == usersAccount {
			return a
		}
	}
	return nil
}

// admitOwn makes this process a user of its own server, who may do everything
// with the streams. Its key is made here, and is nowhere but in memory.
func admitOwn(opts *server.Options) (nats.Option, error) {
	key, err := nkeys.CreateUser()
	if err != nil {
		return nil, err
	}
	public, err := key.PublicKey()
	if err != nil {
		return nil, err
	}
	opts.Nkeys = append(opts.Nkeys, &server.NkeyUser{Nkey: public, Account: usersIn(opts)})
	return nats.Nkey(public, key.Sign), nil
}

// followAccount has the streams in a data directory go with the account: the
// server looks for them in a folder of the account's name, and would begin with
// none when users are given for the first time, or no longer.
func followAccount(dataDir, account string) error {
	other := noAccount
	if account == noAccount {
		other = usersAccount
	}
	from, to := filepath.Join(dataDir, "jetstream", other), filepath.Join(dataDir, "jetstream", account)
	switch {
	case !exists(filepath.Join(from, "streams")):
		return nil
	case exists(filepath.Join(to, "streams")):
		return schemas.Errorf(schemas.CodeConflict, "both %s and %s have streams, of starts with --nats-users and without: move the one away that is not wanted", from, to)
	}
	_ = os.Remove(to) // an empty folder, if anything
	if err := os.Rename(from, to); err != nil {
		return schemas.Errorf(schemas.CodeInvalid, "data directory: %w", err)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
