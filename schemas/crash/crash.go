// Package crash keeps a message whose handling panics from ending the process, and
// from coming again for ever.
package crash

import (
	"fmt"
	"path"
	"runtime"
	"strings"
)

// Times is how often a message may crash its handler: by then it is not bad luck.
const Times = 3

// Crash is a panic that was caught.
type Crash struct {
	Value any
	// Stack are the functions that were running, the innermost first, in one line.
	Stack string
}

func (c *Crash) Error() string {
	return fmt.Sprintf("its handling crashed: %v, in %s", c.Value, c.Stack)
}

// Bounded runs f until it returns, and returns nil; if it crashed [Times] times, how
// it did the last time. Note is told of each.
func Bounded(f func(), note func(*Crash)) *Crash {
	var c *Crash
	for range Times {
		if c = catch(f); c == nil {
			return nil
		}
		note(c)
	}
	return c
}

func catch(f func()) (c *Crash) {
	defer func() {
		if value := recover(); value != nil {
			c = &Crash{Value: value, Stack: stack()}
		}
	}()
	f()
	return nil
}

const (
	maxFrames = 16
	// skipped are runtime.Callers, stack and catch's own function.
	skipped = 3
)

// stack is where the panic that is being recovered came from.
func stack() string {
	callers := make([]uintptr, maxFrames)
	frames := runtime.CallersFrames(callers[:runtime.Callers(skipped, callers)])
	var lines []string
	for {
		frame, more := frames.Next()
		if strings.HasSuffix(frame.Function, "/crash.catch") {
			more = false // who called f is no news
		} else if !strings.HasPrefix(frame.Function, "runtime.") {
			lines = append(lines, fmt.Sprintf("%s (%s:%d)", path.Base(frame.Function), path.Base(frame.File), frame.Line))
		}
		if !more {
			return strings.Join(lines, " < ")
		}
	}
}
