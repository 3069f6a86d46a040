package config

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// maxSecretFile bounds a file with a secret or keys, in bytes.
const maxSecretFile = 64 << 10

var errNotRegular = errors.New("is no regular file")

// readFileUpTo reads a regular file: another may never end, or never begin.
func readFileUpTo(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path) // follows links: secrets are often mounted as some
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	content, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(content)) > most {
		err = fmt.Errorf("is larger than %d KiB", most>>10)
	}
	return content, err
}
