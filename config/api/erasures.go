package api

import (
	"context"
	"net/http"

	"github.com/tidings-dev/tidings/config/api/document"
	"github.com/tidings-dev/tidings/config/erasure"
)

// erasureView is a record as it is shown.
type erasureView struct {
	erasure.Record
	Work *struct{} `json:"work,omitempty"` // hides the record's; always nil
}

// createErasure removes what it is asked for, and answers with the proof.
func (a *API) createErasure(ctx context.Context, c *call) (reply, error) {
	var in struct {
		Event   string `json:"event"`
		Source  string `json:"source"`
		Subject string `json:"subject"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if _, err := a.tenant(c.tenant); err != nil {
		return reply{}, err
	}
	r, err := a.Erase(ctx, c.tenant, erasure.Request{Event: in.Event, Source: in.Source, Subject: in.Subject, Since: a.told(c)})
	return reply{status: http.StatusOK, body: erasureView{Record: r}}, document.About(err, in)
}

func (a *API) listErasures(ctx context.Context, c *call) (reply, error) {
	before, limit, err := c.window()
	if err != nil {
		return reply{}, err
	}
	all, err := a.Erasures(ctx, c.tenant)
	p := page{Items: []any{}}
	last := ""
	told := a.told(c)
	for _, r := range all {
		if before != "" && r.ID >= before || r.Created.Before(told) {
			continue
		}
		if len(p.Items) == limit {
			p.Next = cursor(last)
			break
		}
		p.Items, last = append(p.Items, erasureView{Record: r}), r.ID
	}
	return reply{status: http.StatusOK, body: p}, err
}
