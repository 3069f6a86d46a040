package api

import (
	"context"
	"net/http"
	"time"

	"github.com/tidings-dev/tidings/config/api/document"
	"github.com/tidings-dev/tidings/config/replay"
	"github.com/tidings-dev/tidings/schemas"
)

// replayView is a job as it is shown.
type replayView struct {
	replay.Job
	Runner *struct{} `json:"runner,omitempty"` // hides Job's; always nil
	Place  *struct{} `json:"place,omitempty"`  // the same
	Again  *struct{} `json:"again,omitempty"`  // the same
}

func replayReply(status int, j replay.Job, err error) (reply, error) {
	return reply{status: status, body: replayView{Job: j}}, err
}

// createReplay begins a replay in the background.
func (a *API) createReplay(ctx context.Context, c *call) (reply, error) {
	var in struct {
		Endpoint schemas.EndpointID    `json:"endpoint"`
		Which    replay.Which          `json:"which"`
		Since    time.Time             `json:"since"`
		Until    time.Time             `json:"until"`
		Types    []schemas.TypePattern `json:"types"`
		Reason   schemas.Reason        `json:"reason"`
		Rate     int                   `json:"rate"`
		DryRun   bool                  `json:"dry_run"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if err := a.mayReadLog(c, in.Endpoint); err != nil {
		return reply{}, err
	}
	if in.Endpoint != "" {
		if err := a.takes(c, in.Endpoint); err != nil {
			return reply{}, err
		}
	}
	made := a.made(c.tenant)
	if !in.Until.IsZero() && !in.Until.After(made) {
		return reply{}, document.Invalid("until", "the tenant was made at %s: it has nothing from before", made.Format(time.RFC3339))
	}
	if !in.Since.IsZero() && in.Since.Before(made) {
		in.Since = made
	}
	j, err := a.Replays.Create(ctx, replay.Job{
		Tenant: c.tenant, Rate: in.Rate, DryRun: in.DryRun,
		Filter: replay.Filter{
			Endpoint: in.Endpoint, Which: in.Which, Since: in.Since.UTC(), Until: in.Until.UTC(),
			Types: in.Types, Reason: in.Reason,
		},
	})
	answer, err := replayReply(http.StatusCreated, j, document.About(err, in))
	answer.location = "/v1/tenants/" + string(c.tenant) + "/replays/" + j.ID
	return answer, err
}

// seesReplay reports whether a job exists for the caller.
func (a *API) seesReplay(c *call, j replay.Job) bool { return a.mayReadLog(c, j.Endpoint) == nil }

func (a *API) listReplays(ctx context.Context, c *call) (reply, error) {
	before, limit, err := c.window()
	if err != nil {
		return reply{}, err
	}
	q := c.query()
	dry, all := q.flag("dry_run"), q.text("dry_run") == ""
	if q.err != nil {
		return reply{}, q.err
	}
	jobs, err := a.Replays.List(ctx, c.tenant)
	p := page{Items: []any{}}
	for _, j := range jobs {
		if before != "" && j.ID >= before || !all && j.DryRun != dry || !a.seesReplay(c, j) {
			continue
		}
		if len(p.Items) == limit {
			p.Next = cursor(p.Items[limit-1].(replayView).ID) //nolint:forcetypeassert // as they are made below
			break
		}
		p.Items = append(p.Items, replayView{Job: j})
	}
	return reply{status: http.StatusOK, body: p}, err
}

// job is the replay that the path names.
func (a *API) job(ctx context.Context, c *call) (replay.Job, error) {
	id := c.r.PathValue("replay")
	j, err := a.Replays.Get(ctx, c.tenant, id)
	if err == nil && !a.seesReplay(c, j) {
		return replay.Job{}, notFound("replay", id)
	}
	return j, err
}

func (a *API) getReplay(ctx context.Context, c *call) (reply, error) {
	j, err := a.job(ctx, c)
	return replayReply(http.StatusOK, j, err)
}

func (a *API) cancelReplay(ctx context.Context, c *call) (reply, error) {
	if err := c.decode(&struct{}{}); err != nil {
		return reply{}, err
	}
	j, err := a.job(ctx, c)
	if err == nil {
		j, err = a.Replays.Cancel(ctx, c.tenant, j.ID)
	}
	return replayReply(http.StatusOK, j, err)
}
