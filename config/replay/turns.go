package replay

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

const (
	// maxJobs is how many jobs a process runs at once. Where more are wanted they take
	// turns, so that none waits for the end of others: neither a tenant for those of
	// another, nor a dry run for what is sent slowly.
	maxJobs = 8
	// turnFor is how long a turn lasts at least.
	turnFor = 5 * time.Second
	// crowded is what is said of a job that waits for its turn.
	crowded = "it waits for its turn: more replays are asked for than run at once"
)

// turn is a job's, as long as it is run here.
type turn struct {
	tenant schemas.TenantID
	began  time.Time
	ends   bool          // another waits
	over   chan struct{} // closed then
}

// isOver reports whether another waits for its turn.
func (t *turn) isOver() bool {
	select {
	case <-t.over:
		return true
	default:
		return false
	}
}

// takeAll begins to run the jobs that nobody runs, as far as there is room for them,
// and forgets those that ended long ago. The tenant of which the fewest run here comes
// first, and of its jobs the one that has waited longest.
func (r *Runner) takeAll(ctx context.Context, running *sync.WaitGroup) error {
	jobs, err := r.o.Jobs.List(ctx, "")
	if err != nil {
		return err
	}
	var waiting []Job
	for _, j := range jobs {
		switch {
		case j.State != Running && time.Since(j.Ended) > keptFor:
			err = cmp.Or(err, r.o.Jobs.Registry.ForgetJob(ctx, j.Tenant, j.ID))
		case j.State == Running && !r.runs(j.ID) && (j.Runner == "" || time.Since(j.Updated) >= Lease):
			if j.Runner != "" { // which died, or hangs
				j.Runner, j.Again = "", !j.DryRun
			}
			waiting = append(waiting, j)
		}
	}
	for len(waiting) > 0 {
		next := r.next(waiting)
		j := waiting[next]
		t := r.begin(&j)
		if t == nil {
			break
		}
		waiting = slices.Delete(waiting, next, next+1)
		j.Runner = r.o.Name
		if r.o.Jobs.write(ctx, &j) != nil { // another was quicker
			r.over(j.ID)
			continue
		}
		running.Go(func() {
			defer r.Kick() // there is room
			defer r.over(j.ID)
			r.run(ctx, &j, t)
		})
	}
	r.wait(ctx, waiting)
	return err
}

// wait has turns end here for the jobs that wait, and says of those that wait for long
// why they do: another process may have room for them.
func (r *Runner) wait(ctx context.Context, waiting []Job) {
	r.endTurns(len(waiting))
	for _, j := range waiting {
		if j.Error == crowded || time.Since(j.Updated) < look {
			continue
		}
		j.Error = crowded
		_ = r.o.Jobs.write(ctx, &j) // if it fails, another process has it, or the next look does it
	}
}

// runs reports whether a job is run here, however silent it is.
func (r *Runner) runs(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.here[id] != nil
}

// begin is the turn of a job; nil if there is no room.
func (r *Runner) begin(j *Job) *turn {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.here) >= maxJobs {
		return nil
	}
	t := &turn{tenant: j.Tenant, began: time.Now(), over: make(chan struct{})}
	r.here[j.ID] = t
	return t
}

func (r *Runner) over(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.here, id)
}

// next is which of some jobs comes first.
func (r *Runner) next(waiting []Job) (first int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	of := r.byTenant()
	for i, j := range waiting {
		if cmp.Or(cmp.Compare(of[j.Tenant], of[waiting[first].Tenant]), j.Updated.Compare(waiting[first].Updated), cmp.Compare(j.ID, waiting[first].ID)) < 0 {
			first = i
		}
	}
	return first
}

// byTenant is how many jobs of each run here, and go on. The caller holds mu.
func (r *Runner) byTenant() map[schemas.TenantID]int {
	of := map[schemas.TenantID]int{}
	for _, t := range r.here {
		if !t.ends {
			of[t.tenant]++
		}
	}
	return of
}

// endTurns ends as many turns as jobs wait, if they have lasted: first of the tenants of
// which most run here, and the longest ones.
func (r *Runner) endTurns(wanted int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var lasted []*turn
	for _, t := range r.here {
		switch {
		case t.ends:
			wanted--
		case time.Since(t.began) >= turnFor:
			lasted = append(lasted, t)
		}
	}
	for ; wanted > 0 && len(lasted) > 0; wanted-- {
		of := r.byTenant()
		slices.SortFunc(lasted, func(a, b *turn) int {
			return cmp.Or(cmp.Compare(of[b.tenant], of[a.tenant]), a.began.Compare(b.began))
		})
		lasted[0].ends = true
		close(lasted[0].over)
		lasted = lasted[1:]
	}
}
