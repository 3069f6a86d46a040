package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/config"
)

// A file of a secret that never ends, or is far too large for one, is refused.
func TestSecretFilesAreBounded(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "large"), make([]byte, 64<<10+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{os.DevNull: "is no regular file", dir: "is no regular file", "large": "is larger than 64 KiB"} {
		path := filepath.Join(dir, "tidings.yaml")
		text := "tenants:\n  - id: acme\n    endpoints:\n      - {id: ep_a, url: \"https://example.com\", secrets: [{file: \"" + file + "\"}]}\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := config.ReadFile(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want it to say %q", file, err, want)
		}
	}
	s := config.Settings{SecretsKeyFile: os.DevNull, Roles: []string{"all"}}
	if _, err := s.Keyring(); err == nil || !strings.Contains(err.Error(), "is no regular file") {
		t.Errorf("keys: %v", err)
	}
}
