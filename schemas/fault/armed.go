//go:build faults

package fault

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// variable says where to die: a point, a colon and the pass, from 1.
const variable = "TIDINGS_FAULT"

// armed is read at the first point that is passed.
var armed = sync.OnceValue(func() *trap {
	spec, ok := os.LookupEnv(variable)
	if !ok {
		return &trap{}
	}
	t, err := parse(spec)
	if err != nil {
		panic(err) // a test would wait in vain
	}
	return t
})

// trap is the point at which the process dies; none if it has no name.
type trap struct {
	point Point
	left  atomic.Int64 // passes, the deadly one included
}

func parse(spec string) (*trap, error) {
	point, pass, _ := strings.Cut(spec, ":")
	n, err := strconv.ParseInt(pass, 10, 64)
	if err != nil || n < 1 || point == "" {
		return nil, fmt.Errorf("%s is %q: write a point and a pass, like %s:5", variable, spec, HeldStored)
	}
	t := &trap{point: Point(point)}
	t.left.Store(n)
	return t, nil
}

// leaving is how long what was sent before has to leave the process, and to be
// written down by JetStream, which does so ten times a second. So the point is
// what its name says, and an acknowledgement that was sent too soon shows.
const leaving = 200 * time.Millisecond

// Here is where the process dies if it is armed for it. It says so on standard
// error: whoever watches can tell this death from others.
func Here(p Point) {
	t := armed()
	if p != t.point || t.left.Add(-1) != 0 {
		return
	}
	fmt.Fprintf(os.Stderr, "fault: %s\n", p)
	<-time.After(leaving)
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {} // no instruction further
}
