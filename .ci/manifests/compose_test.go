package manifests

import (
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// TestCompose has compose's own library read the file: unknown words, volumes and
// dependencies that do not exist are errors.
func TestCompose(t *testing.T) {
	p, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: "../../deploy/compose", ConfigFiles: []types.ConfigFile{{Filename: "../../deploy/compose/compose.yaml"}}, Environment: types.Mapping{},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"nats-0": 1, "nats-1": 1, "nats-2": 1, "api": 1, "fanout": 2, "dispatcher": 3, "collector": 1, "prometheus": 1, "grafana": 1, "keys": 1}
	for name, n := range want {
		s, err := p.GetService(name)
		if err != nil || s.GetScale() != n {
			t.Errorf("%s has %d containers, want %d: %v", name, s.GetScale(), n, err)
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s listens for everybody: %+v", name, port)
			}
		}
		if strings.HasPrefix(s.Image, "tidings") && (!s.ReadOnly || len(s.CapDrop) != 1) {
			t.Errorf("%s may write to its root, or has capabilities", name)
		}
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeBind {
				exists(t, v.Source)
			}
		}
	}
	if len(p.Services) != len(want) {
		t.Errorf("%d services, want %d", len(p.Services), len(want))
	}
}
