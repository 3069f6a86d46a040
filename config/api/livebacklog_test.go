package api

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/schemas"
)

// However many watch a tenant, its backlog is looked up once for all of them, and not at
// all once nobody does.
func TestWatchersShareOneLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := map[schemas.TenantID]*atomic.Int64{"acme": {}, "globex": {}}
		b := newBacklogs(func(_ context.Context, tenant schemas.TenantID) (deliverylog.Backlog, error) {
			n := looks[tenant].Add(1)
			if n == 2 {
				return deliverylog.Backlog{}, errors.New("not now")
			}
			return deliverylog.Backlog{Waiting: int(n)}, nil
		})
		type watching struct {
			found chan deliverylog.Backlog
			leave context.CancelFunc
		}
		watch := func(tenant schemas.TenantID) watching {
			ctx, leave := context.WithCancel(t.Context())
			w := watching{make(chan deliverylog.Backlog, 10), leave}
			go b.follow(ctx, tenant, w.found)
			synctest.Wait()
			return w
		}
		seen := func(w watching) (numbers []int) {
			for len(w.found) > 0 {
				numbers = append(numbers, (<-w.found).Waiting)
			}
			return numbers
		}
		one, other := watch("acme"), watch("globex")
		<-time.After(2*backlogEvery + time.Second)
		late := watch("acme") // sees at once what is known
		synctest.Wait()
		if got := seen(late); len(got) != 1 || got[0] != 3 {
			t.Errorf("who comes later saw %v, want the last", got)
		}
		one.leave()
		<-time.After(backlogEvery)
		synctest.Wait()
		for name, c := range map[string]struct {
			w    watching
			want int
		}{"the first": {one, 2}, "the later": {late, 1}, "another tenant's": {other, 3}} {
			if got := seen(c.w); len(got) != c.want {
				t.Errorf("%s saw %v, want %d of them", name, got, c.want)
			}
		}
		wants := func(acme, globex int64) {
			t.Helper()
			if a, g := looks["acme"].Load(), looks["globex"].Load(); a != acme || g != globex {
				t.Errorf("%d and %d looks, want %d and %d", a, g, acme, globex)
			}
		}
		wants(4, 4)
		late.leave()
		other.leave()
		<-time.After(time.Hour)
		wants(4, 4)
		watch("acme").leave()
		wants(5, 4)
	})
}
