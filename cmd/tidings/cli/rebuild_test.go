package cli

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/cmd/tidings/usage"
	"github.com/tidings-dev/tidings/config/deliverylog"
)

// TestFollowRebuild follows rebuilds that are done, never begun, and left.
func TestFollowRebuild(t *testing.T) {
	emptying, reading, done := deliverylog.Progress{Applied: 9, Last: 9, Emptying: true}, deliverylog.Progress{Applied: 4, Last: 9, Lag: time.Hour}, deliverylog.Progress{Applied: 9, Last: 9}
	for name, c := range map[string]struct {
		looks []deliverylog.Progress // the last for ever
		fail  error
		leave time.Duration
		want  string
		exit  int
		shown int
	}{
		"done":              {looks: []deliverylog.Progress{emptying, emptying, reading, reading, done}, shown: 2},
		"nobody begins":     {looks: []deliverylog.Progress{emptying}, want: "no process has begun within 1m0s", exit: usage.ExitUnreachable},
		"left":              {looks: []deliverylog.Progress{reading}, leave: time.Second, want: "is made anew all the same", exit: usage.ExitFailed, shown: 4},
		"it cannot be seen": {looks: []deliverylog.Progress{{}}, fail: errors.New("away"), want: "away", exit: usage.ExitFailed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				if c.leave > 0 {
					time.AfterFunc(c.leave-time.Millisecond, stop)
				}
				n, shown := 0, 0
				_, err := followRebuild(ctx, func(context.Context) (deliverylog.Progress, error) {
					n++
					return c.looks[min(n, len(c.looks))-1], c.fail
				}, func(deliverylog.Progress) { shown++ })
				if usage.ExitCode(err) != c.exit || err != nil && !strings.Contains(err.Error(), c.want) || shown != c.shown {
					t.Errorf("%v after %d shown, want %q and %d", err, shown, c.want, c.shown)
				}
			})
		})
	}
}
