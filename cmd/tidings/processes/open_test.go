package processes

import (
	"flag"
	"testing"
)

var strict = flag.Bool("strict", false, "fail for what is known to go wrong at times, too")

// open tells of what goes wrong at times, and is yet to be solved: order over some
// crashes, repeats without a cause. make chaos fails for it; CI, which shows whether a
// change broke something, does not. A loss always fails.
func open(t *testing.T, format string, args ...any) {
	t.Helper()
	if *strict {
		t.Errorf(format, args...)
	} else {
		t.Logf("known to happen: "+format, args...)
	}
}
