package streams

import "testing"

func TestOlderThan(t *testing.T) {
	for version, want := range map[string]bool{
		"1.4.1": true, "2.9.25": true, "2.11.0": true, "2.12.0": false, "2.12.0-RC.1": false, "2.15.2": false, "3.0.0": false, "": false, "dev": false,
	} {
		if got := olderThan(version, 2, 12); got != want {
			t.Errorf("%q older than 2.12: %v, want %v", version, got, want)
		}
	}
}
