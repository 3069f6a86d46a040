package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tidings-dev/tidings/config/seal"
	"github.com/tidings-dev/tidings/schemas"
)

// What is secret has a variable or a file, and no flag, which others would see.
const (
	secretsKeyVariable = "TIDINGS_SECRETS_KEY"
	adminTokenVariable = "TIDINGS_ADMIN_TOKEN"
	ownKeyFile         = "secrets.key" // in the data directory
)

// Keyring reads the keys that seal the secrets in the registry: from
// TIDINGS_SECRETS_KEY, or the file of --secrets-key-file. With the embedded
// broker and neither of them they are in secrets.key in the data directory,
// which is made with a new key if it is not there. If it is gone, but the streams
// are there, that is refused: a new key could not open what they hold. So ask
// before the broker first makes them.
//
// A process that only fans out needs no secrets; without keys its ring is nil.
func (s *Settings) Keyring() (*seal.Keyring, error) {
	text, from, err := fromVariableOrFile(secretsKeyVariable, "secrets-key-file", s.SecretsKeyFile)
	switch {
	case err != nil:
		return nil, err
	case from != "": // found
	case s.NATS.URL == "":
		from = filepath.Join(s.DataDir, ownKeyFile)
		if text, err = ownKey(s.DataDir); err != nil {
			return nil, err
		}
	case s.Has(RoleDispatcher) || s.Has(RoleAPI):
		return nil, schemas.Errorf(schemas.CodeInvalid, "the roles dispatcher and api need the key of the secrets in the registry: give all processes the same --secrets-key-file, or %s", secretsKeyVariable)
	default:
		return nil, nil //nolint:nilnil // as documented
	}
	keys, err := seal.Parse(text)
	if err != nil {
		return nil, schemas.Errorf(schemas.CodeInvalid, "%s: %w", from, err)
	}
	return keys, nil
}

// AdminToken is the token that TIDINGS_ADMIN_TOKEN, or the file of
// --admin-token-file, presets for an administrator; empty if there is none.
func (s *Settings) AdminToken() (string, error) {
	text, from, err := fromVariableOrFile(adminTokenVariable, "admin-token-file", s.AdminTokenFile)
	if err != nil || from == "" {
		return "", err
	}
	token := strings.TrimSpace(text)
	switch {
	case len(token) < MinToken:
		return "", schemas.Errorf(schemas.CodeInvalid, "%s: the token has %d characters: use at least %d, hard to guess, like what `openssl rand -hex 32` prints", from, len(token), MinToken)
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", schemas.Errorf(schemas.CodeInvalid, "%s: the token has spaces, or characters that are not ASCII: no HTTP header could carry it", from)
	}
	return token, nil
}

// fromVariableOrFile is the content of one of them, and which it was: empty if
// neither is set. A variable that is empty is not set.
func fromVariableOrFile(variable, flag, path string) (text, from string, err error) {
	text = os.Getenv(variable)
	switch {
	case text != "" && path != "":
		return "", "", schemas.Errorf(schemas.CodeInvalid, "%s and --%s are both set: leave one of them out", variable, flag)
	case text != "":
		return text, variable, nil
	case path == "":
		return "", "", nil
	}
	content, err := readFileUpTo(path, maxSecretFile)
	if err != nil {
		return "", "", schemas.Errorf(schemas.CodeInvalid, "--%s: %w", flag, err)
	}
	return string(content), "--" + flag + " " + path, nil
}

// ownKey is the content of the data directory's key file. Of several that make
// it at once, all return that of the first.
func ownKey(dir string) (string, error) {
	path := filepath.Join(dir, ownKeyFile)
	// Before the key: once there are streams, whoever made them has made it.
	streams, err := filepath.Glob(filepath.Join(globbed(dir), "jetstream", "*", "streams", "*"))
	if err != nil {
		return "", err // cannot be: the pattern is well formed
	}
	content, err := readFileUpTo(path, maxSecretFile)
	switch {
	case err == nil:
		return string(content), nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", schemas.Errorf(schemas.CodeInvalid, "key of the secrets: %w", err)
	case len(streams) > 0:
		return "", schemas.Errorf(schemas.CodeInvalid, "key of the secrets: %s is gone, but the streams are there, with secrets that only it opens: put it back, or give --secrets-key-file", path)
	}
	if err := makeKey(dir, path); err != nil {
		return "", schemas.Errorf(schemas.CodeInvalid, "make the key of the secrets: %w", err)
	}
	content, err = readFileUpTo(path, maxSecretFile)
	return string(content), err
}

// makeKey writes a new key, unless the file exists by then. The file appears
// whole, and is on the disk before anything is sealed with its key.
func makeKey(dir, path string) (err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".new-"+ownKeyFile+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = f.WriteString("# Opens the secrets in the registry beside it. Keep a copy elsewhere.\n" + seal.NewKey() + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(dir)
}

// syncDir makes the names in a directory last. Where that is not to be had, as
// on Windows, they do without it.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync()
	return d.Close()
}

// globbed is a path in which nothing is a pattern.
func globbed(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}
