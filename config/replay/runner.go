package replay

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/tidings-dev/tidings/schemas"
)

const (
	// Lease is how long a job belongs to who has last noted how far it has come.
	Lease = 15 * time.Second
	// look is how often jobs are looked for that nobody runs.
	look = 5 * time.Second
	// waitPause is how long a job waits that cannot go on.
	waitPause = 2 * time.Second
	// noteEvery is how often a job that sends is noted: so often it is seen too whether
	// it was cancelled.
	noteEvery = time.Second
	// maxPage is how many deliveries are looked at between two notes at most.
	maxPage = 100
)

// Found is a delivery that a job may want.
type Found struct {
	Delivery schemas.DeliveryID
	Endpoint schemas.EndpointID
	// After is when its last attempt was, or its death without one; the zero time if it
	// never was a delivery.
	After time.Time
	// Sent says that this job has sent it already, in a run that ended before it could
	// note that. It counts, and is not sent again.
	Sent bool
	// Seen is how many deliveries or events of its page were looked at up to this one,
	// and Place is behind it.
	Seen  int
	Place string
}

// Page is what comes next.
type Page struct {
	Found []Found
	Seen  int    // deliveries or events that were looked at
	Place string // behind them
	End   bool   // nothing follows
}

// Options are what a runner works with. All but Log are required.
type Options struct {
	Jobs Jobs
	Name string // of this process, among all
	// Count is how many Next will look at.
	Count func(context.Context, Job) (int, error)
	// Next looks on from a job's place, at no more than limit. It finds what the job has
	// sent too, if that says [Job.Again]. An error with
	// [schemas.CodeNotFound] or [schemas.CodeInvalid] ends the job.
	Next func(ctx context.Context, j Job, limit int) (Page, error)
	// Send returns once JetStream has the delivery, or why it cannot be sent. Of a dry
	// run it says the same, and sends nothing.
	Send func(ctx context.Context, j Job, f Found) (Skip, error)
	Log  *slog.Logger
}

// Runner runs jobs.
type Runner struct {
	o    Options
	kick chan struct{}

	mu   sync.Mutex       // guards here
	here map[string]*turn // jobs that are run here, by id
}

// NewRunner runs nothing before Run.
func NewRunner(o Options) *Runner {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Runner{o: o, kick: make(chan struct{}, 1), here: map[string]*turn{}}
}

// Kick has it look for jobs now.
func (r *Runner) Kick() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// Run runs jobs that nobody else does, until ctx ends.
func (r *Runner) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		if err := r.takeAll(ctx, &running); err != nil && ctx.Err() == nil {
			r.o.Log.WarnContext(ctx, "look for replays", "error", err)
		}
		select {
		case <-time.After(look):
		case <-r.kick:
		case <-ctx.Done():
			return nil
		}
	}
}

// run takes a job to its end, unless ctx or its turn ends, or somebody else has it now.
func (r *Runner) run(ctx context.Context, j *Job, t *turn) {
	log := r.o.Log.With("replay", j.ID, "tenant", j.Tenant)
	pace := rate.NewLimiter(rate.Limit(j.Rate), 1)
	log.InfoContext(ctx, "replay begins", "place", j.Place)
	for j.State == Running {
		if !r.goesOn(ctx, j, r.step(ctx, j, pace, t)) || !r.note(ctx, j) {
			r.leave(ctx, j)
			log.InfoContext(ctx, "replay is no longer run here")
			return
		}
		if j.Error != "" && j.State == Running {
			wait(ctx, waitPause)
		}
	}
	log.InfoContext(ctx, "replay ended", "state", j.State, "found", j.Found, "sent", j.Sent, "skipped", j.Skipped, "skipped_by", j.SkippedBy)
}

var (
	// errTaken says that a job is somebody else's now, or cancelled.
	errTaken = errors.New("the replay is not run here any more")
	// errTurn says that another's turn has come.
	errTurn = errors.New("the replay's turn is over")
)

// goesOn takes in how a step ended, and reports whether the job is still run here.
func (r *Runner) goesOn(ctx context.Context, j *Job, err error) bool {
	switch {
	case ctx.Err() != nil:
		j.Again = !j.DryRun // what was being sent may be on its way
		return false
	case errors.Is(err, errTaken):
		return false
	case errors.Is(err, errTurn):
		j.Error = crowded
		return false
	case schemas.HasCode(err, schemas.CodeNotFound), schemas.HasCode(err, schemas.CodeInvalid):
		j.end(Broken, err.Error())
	case err != nil:
		r.o.Log.WarnContext(ctx, "replay waits", "replay", j.ID, "tenant", j.Tenant, "error", err)
		j.Error, j.Again = err.Error(), !j.DryRun
	default:
		j.Error = ""
	}
	return true
}

// step counts what there is to a job, or sends the next of it. After an error the job
// stands behind the last delivery that it has dealt with.
func (r *Runner) step(ctx context.Context, j *Job, pace *rate.Limiter, t *turn) error {
	if t.isOver() {
		return errTurn
	}
	if j.Total == nil {
		n, err := r.o.Count(ctx, *j)
		if err != nil {
			return err
		}
		j.Total = &n
		return nil // to be noted before anything is sent
	}
	page, err := r.o.Next(ctx, *j, min(maxPage, max(1, j.Rate*int(Lease/time.Second)/3)))
	if err != nil {
		return err
	}
	seen := j.Seen
	for _, f := range page.Found {
		skip, err := r.send(ctx, j, f, pace)
		if err != nil {
			return err
		}
		j.count(skip)
		j.Seen, j.Place, j.Error = seen+f.Seen, f.Place, ""
		if t.isOver() && f.Seen < page.Seen {
			return errTurn
		}
	}
	j.Seen, j.Place = seen+page.Seen, page.Place
	// What was sent before lies in front of what was not.
	j.Again = j.Again && slices.ContainsFunc(page.Found, func(f Found) bool { return f.Sent })
	if page.End {
		j.end(Done, "")
	}
	return nil
}

// send sends a delivery when it is time, unless that was done before. The job is noted
// meanwhile, before the delivery is sent: so none follows once it is cancelled.
func (r *Runner) send(ctx context.Context, j *Job, f Found, pace *rate.Limiter) (Skip, error) {
	if f.Sent {
		return "", nil
	}
	if !j.DryRun { // which burdens no receiver
		if err := pace.Wait(ctx); err != nil {
			return "", err
		}
	}
	if time.Since(j.Updated) >= noteEvery && !r.note(ctx, j) {
		return "", errTaken
	}
	return r.o.Send(ctx, *j, f)
}

// count adds a delivery that was found.
func (j *Job) count(skip Skip) {
	j.Found++
	switch {
	case skip != "":
		j.Skipped++
		if j.SkippedBy == nil {
			j.SkippedBy = map[Skip]int{}
		}
		j.SkippedBy[skip]++
	case !j.DryRun:
		j.Sent++
	}
}

// note writes how far a job has come, as long as that takes. It reports false if it
// is somebody else's now, or cancelled.
func (r *Runner) note(ctx context.Context, j *Job) bool {
	for {
		err := r.o.Jobs.write(ctx, j)
		switch {
		case err == nil:
			return true
		case ctx.Err() != nil, schemas.HasCode(err, schemas.CodeStale):
			return false
		}
		r.o.Log.WarnContext(ctx, "note how far a replay has come", "replay", j.ID, "error", err)
		wait(ctx, waitPause)
	}
}

// leave lets the next process go on at once, from where this one was. A job that was
// cancelled meanwhile is told what was done of it.
func (r *Runner) leave(ctx context.Context, j *Job) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), waitPause)
	defer cancel()
	j.Runner = ""
	err := r.o.Jobs.write(ctx, j)
	for schemas.HasCode(err, schemas.CodeStale) {
		var now Job
		if now, err = r.o.Jobs.Get(ctx, j.Tenant, j.ID); err != nil || now.State != Cancelled || now.Seen >= j.Seen {
			break
		}
		now.Total, now.Seen, now.Found, now.Place = j.Total, j.Seen, j.Found, j.Place
		now.Sent, now.Skipped, now.SkippedBy = j.Sent, j.Skipped, j.SkippedBy
		err = r.o.Jobs.write(ctx, &now)
	}
	if err != nil {
		r.o.Log.InfoContext(ctx, "replay left behind", "replay", j.ID, "error", err)
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func sortNewestFirst(jobs []Job) {
	slices.SortFunc(jobs, func(a, b Job) int { return cmp.Compare(b.ID, a.ID) })
}
