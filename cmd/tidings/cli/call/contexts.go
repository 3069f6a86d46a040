package call

import (
	"io"
	"path/filepath"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/contexts"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

// contextsFile is where the contexts are.
func (a *App) contextsFile() (string, error) {
	if a.contexts != "" {
		return a.contexts, nil
	}
	if a.Env.ConfigDir == "" {
		return "", usage.Errorf("this user has no folder of settings: say where the contexts are with --contexts or TIDINGS_CONTEXTS")
	}
	return filepath.Join(a.Env.ConfigDir, "tidings", "contexts.yaml"), nil
}

// ReadContexts reads them. Where no place is known for them there are none.
func (a *App) ReadContexts(warn io.Writer) (contexts.File, error) {
	path, err := a.contextsFile()
	if err != nil {
		if a.SaidContext == "" { // nobody needs one
			return contexts.None(), nil
		}
		return contexts.None(), err
	}
	return contexts.Read(path, warn)
}

// WriteContexts replaces them; see [contexts.Write].
func (a *App) WriteContexts(saved contexts.File) error {
	path, err := a.contextsFile()
	if err != nil {
		return err
	}
	return contexts.Write(path, saved)
}
