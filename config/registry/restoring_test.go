package registry

import (
	"strings"
	"testing"
)

// What an interrupted restore leaves says how to go on: --force is for the registry alone.
func TestRestoringSaysWhatToDo(t *testing.T) {
	for streams, want := range map[bool]string{false: "tidings restore --force", true: "remove the streams that it has made"} {
		if text := (Restoring{Streams: streams}).Error(); !strings.Contains(text, want) || strings.Contains(text, "--force") == streams {
			t.Errorf("streams %v: %s", streams, text)
		}
	}
}
