package replay

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/schemas"
)

// Which says which deliveries a job replays.
type Which string

const (
	Failed  Which = "failed"  // that died
	Missing Which = "missing" // of events that its subscriptions match now, and that never were on their way to it
	All     Which = "all"     // whatever became of them; those under way are left alone
)

// State is how far a job has come.
type State string

const (
	Running   State = "running"
	Done      State = "done"
	Cancelled State = "cancelled"
	Broken    State = "failed" // Error says why
)

// Skip is why a delivery that a job found is not sent; empty if it is.
type Skip string

const (
	EndpointDeleted  Skip = "endpoint_deleted"
	EndpointDisabled Skip = "endpoint_disabled"
	// EventNotStored is said of what neither EVENTS nor a dead letter has any more, and
	// of tests, whose events EVENTS never had.
	EventNotStored Skip = "event_not_stored"
)

// Filter is what a job replays, or would.
type Filter struct {
	// Endpoint may be empty for all of the tenant's, but not of [Missing].
	Endpoint schemas.EndpointID `json:"endpoint,omitempty"`
	Which    Which              `json:"which"`
	// Since and Until bound when the events were accepted: from Since to before Until.
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	// Types match those of the events, as a subscription's do; all if there are none.
	Types []schemas.TypePattern `json:"types,omitempty"`
	// Reason is why they died; any if it is empty.
	Reason schemas.Reason `json:"reason,omitempty"`
}

// Job is a replay in the background.
type Job struct {
	ID     string           `json:"id"` // sorts by its making
	Tenant schemas.TenantID `json:"tenant"`
	Filter
	// Rate is how many deliveries a second are sent at most.
	Rate int `json:"rate"`
	// DryRun counts, and sends nothing: Found less Skipped is what would be sent.
	DryRun bool `json:"dry_run"`

	State State `json:"state"`
	// Error is why it is broken or, of one that is running, why it waits.
	Error string `json:"error,omitempty"`
	// Total is how many there are to be looked at, as counted at the beginning; nil
	// before that. Seen are those that were, and Found those that it wants. Of these
	// some are Sent, and Skipped those that cannot be, for the reasons in SkippedBy.
	Total     *int         `json:"total,omitempty"`
	Seen      int          `json:"seen"`
	Found     int          `json:"found"`
	Sent      int          `json:"sent"`
	Skipped   int          `json:"skipped"`
	SkippedBy map[Skip]int `json:"skipped_by,omitempty"`

	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"` // when it was last written
	Ended   time.Time `json:"ended,omitzero"`
	// Runner is the process that runs it, and Place how far it has come, in words of
	// [Options.Next].
	Runner string `json:"runner,omitempty"`
	Place  string `json:"place,omitempty"`
	// Again says that some of what follows Place may have been sent by this job, in a run
	// that ended before it could note that.
	Again bool `json:"again,omitempty"`

	version uint64
}

const (
	// DefaultRate is that of a job which asks for none.
	DefaultRate = 100
	maxRate     = 10_000
	// maxRunning is how many jobs of a tenant run at once.
	maxRunning = 10
	// keptFor is how long a job that has ended can be looked at.
	keptFor = 30 * 24 * time.Hour
)

func (j *Job) validate() error {
	invalid := func(format string, args ...any) error { return schemas.Errorf(schemas.CodeInvalid, format, args...) }
	switch {
	case j.Which != Failed && j.Which != Missing && j.Which != All:
		return invalid("which: %q: use failed, missing or all", j.Which)
	case j.Which == Missing && j.Endpoint == "":
		return invalid("endpoint: name the one that is to get what it never got")
	case j.Reason != "" && j.Which != Failed:
		return invalid("reason: only what failed has one: use which \"failed\", or leave reason out")
	case j.Since.IsZero():
		return invalid("since: say from which time on, like \"2026-01-31T12:00:00Z\"")
	case !j.Until.After(j.Since):
		return invalid("until: it is not after since")
	case j.Rate < 1 || j.Rate > maxRate:
		return invalid("rate: %d: use 1 to %d deliveries a second", j.Rate, maxRate)
	case len(j.Types) > 100:
		return invalid("types: there are %d: use at most 100, or none for all", len(j.Types))
	}
	return j.validateWords()
}

// validateWords refuses a reason and types that nothing can have.
func (j *Job) validateWords() error {
	if err := j.Reason.Validate(); j.Reason != "" && err != nil {
		return schemas.Errorf(schemas.CodeInvalid, "reason: %w", err)
	}
	for _, p := range j.Types {
		if err := p.Validate(); err != nil {
			return schemas.Errorf(schemas.CodeInvalid, "types: %w", err)
		}
	}
	return nil
}

// Jobs are the jobs of all tenants, as the registry keeps them.
type Jobs struct {
	Registry *registry.Registry
	// Started is told that there may be something to run; nil for nobody.
	Started func()
}

// Create begins a job: its tenant, filter, rate and whether it is a dry run are
// the caller's. Until defaults to now, Rate to [DefaultRate].
func (s Jobs) Create(ctx context.Context, j Job) (Job, error) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	j.ID, j.State, j.Created = schemas.NewReplayID(now), Running, now
	if j.Until.IsZero() || j.Until.After(now) {
		j.Until = now
	}
	if j.Rate == 0 {
		j.Rate = DefaultRate
	}
	if err := j.validate(); err != nil {
		return Job{}, err
	}
	others, err := s.List(ctx, j.Tenant)
	if err != nil {
		return Job{}, err
	}
	running := 0
	for _, other := range others {
		if other.State == Running {
			running++
		}
	}
	if running >= maxRunning {
		return Job{}, schemas.Errorf(schemas.CodeConflict, "%d replays are running: wait for one to end, or cancel it", running)
	}
	err = s.write(ctx, &j)
	if err == nil && s.Started != nil {
		s.Started()
	}
	return j, err
}

// List are a tenant's jobs, the newest first, or those of all if it is empty.
func (s Jobs) List(ctx context.Context, tenant schemas.TenantID) ([]Job, error) {
	notes, err := s.Registry.Jobs(ctx, tenant)
	if err != nil {
		return nil, err
	}
	jobs := make([]Job, 0, len(notes))
	for _, n := range notes {
		j, err := read(n)
		if err != nil {
			continue // of a version to come
		}
		jobs = append(jobs, j)
	}
	sortNewestFirst(jobs)
	return jobs, nil
}

// Get is one of them.
func (s Jobs) Get(ctx context.Context, tenant schemas.TenantID, id string) (Job, error) {
	n, err := s.Registry.Job(ctx, tenant, id)
	if schemas.HasCode(err, schemas.CodeNotFound) {
		return Job{}, schemas.Errorf(schemas.CodeNotFound, "replay %q does not exist: those of the tenant are listed for %d days after their end", id, int(keptFor.Hours()/24))
	}
	if err != nil {
		return Job{}, err
	}
	return read(n)
}

// Cancel ends a job. What it has sent stays sent. Who runs it sees that within a second,
// and adds what it has sent since its last note.
func (s Jobs) Cancel(ctx context.Context, tenant schemas.TenantID, id string) (Job, error) {
	for {
		j, err := s.Get(ctx, tenant, id)
		if err != nil || j.State == Cancelled {
			return j, err
		}
		if j.State != Running {
			return Job{}, schemas.Errorf(schemas.CodeConflict, "replay %q has ended: it is %s", id, j.State)
		}
		j.end(Cancelled, "")
		if err := s.write(ctx, &j); !schemas.HasCode(err, schemas.CodeStale) {
			return j, err
		}
	}
}

func (j *Job) end(s State, why string) {
	j.State, j.Error, j.Runner = s, why, ""
	j.Ended = time.Now().UTC().Truncate(time.Millisecond)
}

// write stores a job if nobody has changed it since it was read.
func (s Jobs) write(ctx context.Context, j *Job) error {
	j.Updated = time.Now().UTC().Truncate(time.Millisecond)
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	version, err := s.Registry.SetJob(ctx, j.Tenant, j.ID, registry.Note{Text: text, Version: j.version})
	if err == nil {
		j.version = version
	}
	return err
}

func read(n registry.Note) (j Job, err error) {
	err = json.Unmarshal(n.Text, &j)
	j.version = n.Version
	return j, err
}
