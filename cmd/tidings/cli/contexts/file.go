package contexts

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"
)

// File is what the file of the contexts holds.
type File struct {
	Current  string             `yaml:"current,omitempty"`
	Contexts map[string]Context `yaml:"contexts"`
}

// Context is where the API is, by a name. It prints without its token.
type Context struct {
	Server string `yaml:"server"`
	Token  string `yaml:"token,omitempty"`
	Tenant string `yaml:"tenant,omitempty"`
}

// String has no token.
func (c Context) String() string { return c.Server + " " + c.Tenant }

// GoString has no token either.
func (c Context) GoString() string { return c.String() }

// None is a file without contexts.
func None() File { return File{Contexts: map[string]Context{}} }

// Read reads the file; one that is not there has no contexts. Warn is told if others
// can read it.
func Read(path string, warn io.Writer) (File, error) {
	none := None()
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

// Write replaces the file in one go: whoever reads it meanwhile, or after a
// crash, finds the old or the new one whole.
func Write(path string, saved File) (err error) {
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
	return ReplaceFile(path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// ReplaceFile writes a file that only its owner may read, and puts it in the place of
// path once it is on the disk.
func ReplaceFile(path string, write func(io.Writer) error) (err error) {
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
