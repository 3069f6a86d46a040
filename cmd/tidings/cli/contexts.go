package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"

	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

// savedContexts is the file of the contexts.
type savedContexts struct {
	Current  string                  `yaml:"current,omitempty"`
	Contexts map[string]savedContext `yaml:"contexts"`
}

// savedContext is where the API is, by a name. It prints without its token.
type savedContext struct {
	Server string `yaml:"server"`
	Token  string `yaml:"token,omitempty"`
	Tenant string `yaml:"tenant,omitempty"`
}

// String has no token.
func (c savedContext) String() string { return c.Server + " " + c.Tenant }

// GoString has no token either.
func (c savedContext) GoString() string { return c.String() }

// contextsFile is where the contexts are.
func (a *App) contextsFile() (string, error) {
	if a.contexts != "" {
		return a.contexts, nil
	}
	if a.env.ConfigDir == "" {
		return "", usage.Errorf("this user has no folder of settings: say where the contexts are with --contexts or TIDINGS_CONTEXTS")
	}
	return filepath.Join(a.env.ConfigDir, "tidings", "contexts.yaml"), nil
}

// readContexts reads the file; one that is not there has no contexts.
func (a *App) readContexts(warn io.Writer) (savedContexts, error) {
	none := savedContexts{Contexts: map[string]savedContext{}}
	path, err := a.contextsFile()
	if err != nil {
		if a.inContext == "" { // nobody needs one
			return none, nil
		}
		return none, err
	}
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return none, nil
	}
	if err != nil {
		return none, fmt.Errorf("read the contexts: %w", err)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		fmt.Fprintf(warn, "tidings: %s holds tokens and can be read by others: chmod 600 it\n", path)
	}
	saved := none
	if err := yaml.NewDecoder(bytes.NewReader(content), yaml.Strict()).Decode(&saved); err != nil && !errors.Is(err, io.EOF) {
		// The library's own text shows the lines around, and a token may be in one.
		return none, fmt.Errorf("%s is not as tidings context writes it: correct it, or remove it and add the contexts again", path)
	}
	if saved.Contexts == nil {
		saved.Contexts = none.Contexts
	}
	return saved, nil
}

// writeContexts replaces the file in one go: whoever reads it meanwhile, or after a
// crash, finds the old or the new one whole.
func (a *App) writeContexts(saved savedContexts) (err error) {
	path, err := a.contextsFile()
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write the contexts: %w", err)
		}
	}()
	content, err := yaml.Marshal(saved)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return replaceFile(path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// replaceFile writes a file that only its owner may read, and puts it in the place of
// path once it is on the disk.
func replaceFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close() // may be closed
			_ = os.Remove(f.Name())
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
