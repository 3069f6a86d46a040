package replay_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/config/replay"
	"github.com/tidings-dev/tidings/schemas"
)

// of makes a job another tenant's.
func (r *rig) of(tenant schemas.TenantID, j replay.Job) replay.Job {
	r.t.Helper()
	j.Tenant, j.Which, j.Since = tenant, replay.Failed, time.Now().Add(-time.Hour)
	j, err := r.jobs.Create(r.t.Context(), j)
	if err != nil {
		r.t.Fatal(err)
	}
	return j
}

// now is a job as it is by now.
func (r *rig) now(j replay.Job) replay.Job {
	r.t.Helper()
	j, err := r.jobs.Get(r.t.Context(), j.Tenant, j.ID)
	if err != nil {
		r.t.Fatal(err)
	}
	return j
}

// As many slow replays of a tenant as it may have keep neither another tenant's waiting,
// nor its own dry run.
func TestSlowReplaysKeepNobodyWaiting(t *testing.T) {
	inRig(t, func(r *rig) {
		r.run("api")
		for range 9 {
			r.of("acme", replay.Job{Rate: 1})
		}
		<-time.After(time.Minute)
		for _, tenant := range []schemas.TenantID{"globex", "acme"} {
			began := time.Now()
			j := r.of(tenant, replay.Job{DryRun: true})
			for j.State == replay.Running && time.Since(began) < time.Hour {
				<-time.After(100 * time.Millisecond)
				j = r.now(j)
			}
			if took := time.Since(began); j.State != replay.Done || took > 20*time.Second {
				r.t.Errorf("of %s, after %s: %+v", tenant, took, j)
			}
		}
	})
}

// takeTurns fails unless jobs of ten tenants take turns by now.
func (r *rig) takeTurns(jobs []replay.Job) {
	r.t.Helper()
	running, sent := 0, map[schemas.TenantID]int{}
	for _, j := range jobs {
		now := r.now(j)
		sent[j.Tenant] += now.Sent
		switch {
		case now.Runner != "":
			running++
		case !strings.Contains(now.Error, "turn"):
			r.t.Errorf("it waits and does not say why: %+v", now)
		}
	}
	for tenant, n := range sent { // 960 in all, and a tenth of those are not sent
		if n < 50 || n > 130 {
			r.t.Errorf("%d were sent of %s", n, tenant)
		}
	}
	if running > 8 {
		r.t.Errorf("%d run at once", running)
	}
}

// Ten tenants have two slow replays each. They take turns of which each tenant gets a
// fair part; who waits says so; and in the end all is sent, each delivery once.
func TestReplaysTakeTurns(t *testing.T) {
	inRig(t, func(r *rig) {
		r.log = 200
		stop := r.run("api")
		var jobs []replay.Job
		for tenant := range strings.FieldsSeq("a b c d e f g h i j") {
			for range 2 {
				jobs = append(jobs, r.of(schemas.TenantID(tenant), replay.Job{Rate: 1, Filter: replay.Filter{Endpoint: "ep_" + schemas.EndpointID(tenant)}}))
			}
		}
		<-time.After(2 * time.Minute)
		r.takeTurns(jobs)
		<-time.After(10 * time.Minute)
		stop()
		for _, j := range jobs {
			if now := r.now(j); now.State != replay.Done || now.Error != "" || now.Seen != 200 || now.Found != 100 || now.Sent != 80 {
				r.t.Errorf("%+v", now)
			}
		}
		if _, again := r.sends(); again != 19*80 {
			r.t.Errorf("%d were sent again, want each by each of 20 jobs", again)
		}
	})
}
