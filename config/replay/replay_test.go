package replay_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/replay"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

func TestMain(m *testing.M) { streamstest.Main(m) }

// rig is a log of numbered deliveries, of which every tenth is no longer stored, and
// every hundredth but the first is one of an endpoint that is deleted.
type rig struct {
	t    *testing.T
	env  *streamstest.Env
	jobs replay.Jobs
	log  int // how many deliveries there are

	mu   sync.Mutex // guards what follows
	sent map[schemas.DeliveryID]int
	fail error // of Send
}

func inRig(t *testing.T, test func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		env := streamstest.Start(t, streamstest.Small())
		test(&rig{t: t, env: env, jobs: replay.Jobs{Registry: registry.New(env.Registry, nil)}, log: 1000, sent: map[schemas.DeliveryID]int{}})
	})
}

// run runs jobs until the function that it returns is called.
func (r *rig) run(name string) (stop func()) {
	ctx, cancel := context.WithCancel(r.t.Context())
	runner := replay.NewRunner(replay.Options{Jobs: r.jobs, Name: name, Count: r.count, Next: r.next, Send: r.send})
	ended := make(chan error, 1)
	go func() { ended <- runner.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			r.t.Error(err)
		}
	})
	r.t.Cleanup(stop)
	return stop
}

func (r *rig) count(context.Context, replay.Job) (int, error) { return r.log, nil }

func (r *rig) next(_ context.Context, j replay.Job, limit int) (p replay.Page, err error) {
	from := 0
	if j.Place != "" {
		from, _ = strconv.Atoi(j.Place)
	}
	for n := from; n < min(from+limit, r.log); n++ {
		p.Seen++
		if n%2 == 0 { // the others are none that it wants
			p.Found = append(p.Found, replay.Found{
				Delivery: schemas.DeliveryID(fmt.Sprint("dlv_", n)), Endpoint: j.Endpoint, Seen: p.Seen, Place: fmt.Sprint(n + 1),
			})
		}
	}
	p.Place, p.End = fmt.Sprint(from+p.Seen), from+p.Seen == r.log
	return p, nil
}

func (r *rig) send(_ context.Context, j replay.Job, f replay.Found) (replay.Skip, error) {
	<-time.After(time.Millisecond)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return "", r.fail
	}
	switch {
	case strings.HasSuffix(string(f.Delivery), "00"):
		return replay.EndpointDeleted, nil
	case strings.HasSuffix(string(f.Delivery), "0"):
		return replay.EventNotStored, nil
	case !j.DryRun:
		r.sent[f.Delivery]++
	}
	return "", nil
}

// sends is how many deliveries were sent, and how often one was again.
func (r *rig) sends() (once, again int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.sent {
		again += n - 1
	}
	return len(r.sent), again
}

func (r *rig) setFail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = err
}

func (r *rig) create(j replay.Job) replay.Job {
	r.t.Helper()
	j.Tenant, j.Which, j.Since = "acme", replay.Failed, time.Now().Add(-time.Hour)
	j, err := r.jobs.Create(r.t.Context(), j)
	if err != nil {
		r.t.Fatal(err)
	}
	return j
}

func (r *rig) get(id string) replay.Job {
	r.t.Helper()
	j, err := r.jobs.Get(r.t.Context(), "acme", id)
	if err != nil {
		r.t.Fatal(err)
	}
	return j
}

// ended waits for a job's end.
func (r *rig) ended(id string) replay.Job {
	for {
		if j := r.get(id); j.State != replay.Running {
			return j
		}
		<-time.After(100 * time.Millisecond)
	}
}

// A job goes on in another process when its own stops. Each delivery is sent once, and
// counted once.
func TestJobSurvivesItsRunners(t *testing.T) {
	inRig(t, func(r *rig) {
		j := r.create(replay.Job{Rate: 50})
		lives := 0
		for r.get(j.ID).State == replay.Running {
			lives++
			stop := r.run(fmt.Sprint("api-", lives))
			<-time.After(time.Duration(rand.IntN(3000)) * time.Millisecond)
			stop()
		}
		j = r.ended(j.ID)
		if j.State != replay.Done || *j.Total != 1000 || j.Seen != 1000 || j.Found != 500 || j.Sent != 400 || j.Skipped != 100 || lives < 5 || j.Ended.IsZero() {
			r.t.Errorf("after %d lives: %+v", lives, j)
		}
		checkSkipped(r.t, j)
		if once, twice := r.sends(); once != 400 || twice > 0 {
			r.t.Errorf("%d deliveries were sent, %d times too often; want 400", once, twice)
		}
	})
}

// Who holds a job and says nothing loses it.
func TestSilentRunnerLosesItsJob(t *testing.T) {
	inRig(t, func(r *rig) {
		j := r.create(replay.Job{Rate: 10})
		hang := make(chan struct{})
		send := func(context.Context, replay.Job, replay.Found) (replay.Skip, error) { <-hang; return "", nil }
		silent := replay.NewRunner(replay.Options{Jobs: r.jobs, Name: "silent", Count: r.count, Next: r.next, Send: send})
		ctx, cancel := context.WithCancel(r.t.Context())
		var silence sync.WaitGroup
		silence.Go(func() { _ = silent.Run(ctx) })
		<-time.After(time.Second)
		if got := r.get(j.ID); got.Runner != "silent" {
			r.t.Fatalf("the job is run by %q", got.Runner)
		}
		r.run("lively")
		<-time.After(replay.Lease - 2*time.Second)
		if got := r.get(j.ID); got.Runner != "silent" {
			r.t.Errorf("the job was taken over before its lease had ended, by %q", got.Runner)
		}
		<-time.After(10 * time.Second)
		close(hang)
		if j = r.ended(j.ID); j.State != replay.Done || j.Sent != 400 {
			r.t.Errorf("%+v", j)
		}
		cancel()
		silence.Wait()
	})
}

// checkSkipped compares with what the rig's send refuses.
func checkSkipped(t *testing.T, j replay.Job) {
	t.Helper()
	if j.Skipped != 100 || len(j.SkippedBy) != 2 || j.SkippedBy[replay.EndpointDeleted] != 9 || j.SkippedBy[replay.EventNotStored] != 91 {
		t.Errorf("skipped %d: %v", j.Skipped, j.SkippedBy)
	}
}

// What a dry run counts is what is sent then, and it is not held to the rate.
func TestDryRunCountsWhatWouldBeSent(t *testing.T) {
	inRig(t, func(r *rig) {
		r.run("api")
		began := time.Now()
		j := r.ended(r.create(replay.Job{DryRun: true, Rate: 1}).ID)
		if j.State != replay.Done || j.Found != 500 || j.Sent+len(r.sent) != 0 || time.Since(began) > time.Minute {
			r.t.Errorf("after %s: %+v, and %d were sent", time.Since(began), j, len(r.sent))
		}
		checkSkipped(r.t, j)
		sent := r.ended(r.create(replay.Job{Rate: 1000}).ID)
		checkSkipped(r.t, sent)
		if j.Found-j.Skipped != sent.Sent {
			r.t.Errorf("%d were counted, and %d sent", j.Found-j.Skipped, sent.Sent)
		}
	})
}

// What is sent of a job that is cancelled ends within a second, in the midst of a page,
// and its record tells of all.
func TestCancelTellsWhatWasSent(t *testing.T) {
	inRig(t, func(r *rig) {
		r.run("api")
		j := r.create(replay.Job{Rate: 20})
		<-time.After(8500 * time.Millisecond)
		before, _ := r.sends()
		answer, err := r.jobs.Cancel(r.t.Context(), "acme", j.ID)
		if err != nil || answer.Sent < before-20 || answer.Sent > before || answer.Sent == 0 {
			r.t.Errorf("after %d: %+v, %v", before, answer, err)
		}
		<-time.After(2 * time.Second)
		after, _ := r.sends()
		if after > before+20 {
			r.t.Errorf("%d more were sent in the second after the answer", after-before)
		}
		<-time.After(time.Minute)
		j = r.get(j.ID)
		if sent, _ := r.sends(); j.State != replay.Cancelled || j.Sent != sent || sent != after || j.Found != j.Sent+j.Skipped || j.Seen < 2*j.Found-1 || *j.Total != 1000 {
			r.t.Errorf("%d were sent in the end, and %d before: %+v", sent, after, j)
		}
	})
}

func TestCancel(t *testing.T) {
	inRig(t, func(r *rig) {
		r.run("api")
		j := r.create(replay.Job{Rate: 1})
		<-time.After(time.Minute)
		j, err := r.jobs.Cancel(r.t.Context(), "acme", j.ID)
		if err != nil || j.State != replay.Cancelled || j.Sent == 0 || j.Sent > 60 {
			r.t.Errorf("%+v, %v", j, err)
		}
		<-time.After(20 * time.Second)
		sent := len(r.sent)
		<-time.After(time.Minute)
		if len(r.sent) != sent {
			r.t.Errorf("%d more were sent", len(r.sent)-sent)
		}
		if again, err := r.jobs.Cancel(r.t.Context(), "acme", j.ID); err != nil || again.State != replay.Cancelled {
			r.t.Errorf("cancelled again: %+v, %v", again, err)
		}
		done := r.ended(r.create(replay.Job{Rate: 10_000}).ID)
		if _, err := r.jobs.Cancel(r.t.Context(), "acme", done.ID); !schemas.HasCode(err, schemas.CodeConflict) {
			r.t.Errorf("one that is done: %v", err)
		}
		if _, err := r.jobs.Cancel(r.t.Context(), "other", done.ID); !schemas.HasCode(err, schemas.CodeNotFound) {
			r.t.Errorf("another tenant's: %v", err)
		}
	})
}

// A job sends no faster than it may.
func TestRate(t *testing.T) {
	inRig(t, func(r *rig) {
		r.run("api")
		began := time.Now()
		r.ended(r.create(replay.Job{Rate: 20}).ID)
		if took := time.Since(began); took < 500/20*time.Second-time.Second {
			r.t.Errorf("500 deliveries at 20 a second took %s", took)
		}
	})
}

// A job waits for what is away, and says so; what never will be there ends it.
func TestErrors(t *testing.T) {
	inRig(t, func(r *rig) {
		r.run("api")
		j := r.create(replay.Job{Rate: 10_000})
		r.setFail(errors.New("the store is away"))
		<-time.After(10 * time.Second)
		if got := r.get(j.ID); got.State != replay.Running || !strings.Contains(got.Error, "away") || got.Seen > 0 {
			r.t.Errorf("%+v", got)
		}
		r.setFail(nil)
		if got := r.ended(j.ID); got.State != replay.Done || got.Error != "" || got.Sent != 400 {
			r.t.Errorf("%+v", got)
		}
		r.setFail(schemas.Errorf(schemas.CodeNotFound, "endpoint gone"))
		if got := r.ended(r.create(replay.Job{}).ID); got.State != replay.Broken || !strings.Contains(got.Error, "gone") {
			r.t.Errorf("%+v", got)
		}
	})
}

// Jobs that ended are forgotten after 30 days.
func TestJobsAreForgotten(t *testing.T) {
	inRig(t, func(r *rig) {
		for id, age := range map[string]int{"rpl_old": 31, "rpl_young": 29} {
			ended := time.Now().AddDate(0, 0, -age).Format(time.RFC3339)
			text := fmt.Appendf(nil, `{"id":%q,"tenant":"acme","state":"done","ended":%q}`, id, ended)
			if _, err := r.jobs.Registry.SetJob(r.t.Context(), "acme", id, registry.Note{Text: text}); err != nil {
				r.t.Fatal(err)
			}
		}
		r.run("api")
		<-time.After(time.Second)
		if jobs, err := r.jobs.List(r.t.Context(), "acme"); err != nil || len(jobs) != 1 || jobs[0].ID != "rpl_young" {
			r.t.Errorf("%v, %v", jobs, err)
		}
	})
}

func TestCreateRefuses(t *testing.T) {
	inRig(t, func(r *rig) {
		since := time.Now().Add(-time.Hour)
		for want, j := range map[string]replay.Job{
			"which:":                    {Filter: replay.Filter{Which: "some", Since: since}},
			"endpoint:":                 {Filter: replay.Filter{Which: replay.Missing, Since: since}},
			"reason:":                   {Filter: replay.Filter{Which: replay.All, Since: since, Reason: schemas.ReasonTimeout}},
			"since:":                    {Filter: replay.Filter{Which: replay.Failed}},
			"until:":                    {Filter: replay.Filter{Which: replay.Failed, Since: since, Until: since}},
			"rate:":                     {Filter: replay.Filter{Which: replay.Failed, Since: since}, Rate: 10_001},
			"types:":                    {Filter: replay.Filter{Which: replay.Failed, Since: since, Types: make([]schemas.TypePattern, 101)}},
			"types: pattern \"order*\"": {Filter: replay.Filter{Which: replay.Failed, Since: since, Types: []schemas.TypePattern{"a", "order*"}}},
			"reason: \"bogus\" is no":   {Filter: replay.Filter{Which: replay.Failed, Since: since, Reason: "bogus"}},
		} {
			j.Tenant = "acme"
			if _, err := r.jobs.Create(r.t.Context(), j); !schemas.HasCode(err, schemas.CodeInvalid) || !strings.HasPrefix(err.Error(), want) {
				r.t.Errorf("got %v, want %s …", err, want)
			}
		}
		for range 10 {
			r.create(replay.Job{})
		}
		_, err := r.jobs.Create(r.t.Context(), replay.Job{Tenant: "acme", Filter: replay.Filter{Which: replay.All, Since: since}})
		if !schemas.HasCode(err, schemas.CodeConflict) {
			r.t.Errorf("an eleventh at once: %v", err)
		}
	})
}
