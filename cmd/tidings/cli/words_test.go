package cli

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBatches bounds batches by their number and their size, and sends what is good
// of an input that can be read once.
func TestBatches(t *testing.T) {
	event := func(size int) string {
		return `{"specversion":"1.0","id":"a","source":"/s","type":"t","data":"` + strings.Repeat("x", size) + `"}` + "\n"
	}
	for name, c := range map[string]struct {
		input string
		skip  int
		want  []int
		fail  bool
	}{
		"by number": {strings.Repeat(event(1), 1001), 0, []int{500, 500, 1}, false},
		"by size":   {strings.Repeat(event(1<<20), 9), 0, []int{3, 3, 3}, false},
		"skipped":   {strings.Repeat(event(1), 600), 99, []int{500, 1}, false},
		"all":       {event(1), 5, nil, false},
		"broken":    {event(1) + event(1) + "{", 0, []int{2}, true},
	} {
		var got []int
		p := &Publishing{skip: c.skip}
		err := p.batches(strings.NewReader(c.input), func(b []json.RawMessage) error {
			got = append(got, len(b))
			return nil
		})
		if diff := cmp.Diff(c.want, got); diff != "" || (err != nil) != c.fail {
			t.Errorf("%s: %v, -want +got:\n%s", name, err, diff)
		}
	}
	refused := errors.New("refused")
	err := (&Publishing{}).batches(strings.NewReader(event(1)), func([]json.RawMessage) error { return refused })
	if !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
}
