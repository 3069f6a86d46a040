package processes

import (
	"os"
	"strings"
	"testing"
)

// TestTheScriptMovesATenantAsShown wants that each step of deploy/capacity.md is in the
// script that TestCommandLine runs.
func TestTheScriptMovesATenantAsShown(t *testing.T) {
	script, err := os.ReadFile("testdata/cells.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range toRun(t, "deploy/capacity.md", "Moving a tenant") {
		if words := strings.NewReplacer(`"`, "", "'", "").Replace(command); !strings.Contains(string(script), words) {
			t.Errorf("cells.txtar does not run %s", words)
		}
	}
}
