package api

import (
	"context"
	"net/http"

	"github.com/tidings-dev/tidings/config/api/document"
	"github.com/tidings-dev/tidings/schemas"
)

// pollInput is a [schemas.Poll] as it is written.
type pollInput struct {
	Max     *int             `json:"max"`
	Wait    schemas.Duration `json:"wait"`
	AckWait schemas.Duration `json:"ack_wait"`
}

// pollEndpoint hands out what is due for an endpoint that is pulled from.
func (a *API) pollEndpoint(ctx context.Context, c *call) (reply, error) {
	var in pollInput
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	ask := schemas.Poll{Wait: in.Wait, AckWait: in.AckWait}
	if in.Max != nil {
		if ask.Max = *in.Max; ask.Max == 0 {
			ask.Max = -1 // refused, as it says nothing by itself
		}
	}
	if err := ask.Validate(); err != nil {
		return reply{}, document.About(err, in)
	}
	endpoint, err := a.pulled(c)
	if err != nil {
		return reply{}, err
	}
	found, err := a.Poll(ctx, c.tenant, endpoint, ask)
	if err != nil {
		return reply{}, err
	}
	if found == nil {
		found = []schemas.Pulled{}
	}
	return reply{status: http.StatusOK, body: struct {
		Deliveries []schemas.Pulled `json:"deliveries"`
	}{found}}, nil
}

// settleEndpoint takes in what became of deliveries that were handed out.
func (a *API) settleEndpoint(ctx context.Context, c *call) (reply, error) {
	var in schemas.Settlement
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if err := in.Validate(); err != nil {
		return reply{}, document.About(err, in)
	}
	endpoint, err := a.pulled(c)
	if err != nil {
		return reply{}, err
	}
	settled, err := a.Settle(ctx, c.tenant, endpoint, in)
	if err != nil {
		return reply{}, err
	}
	if settled == nil {
		settled = []schemas.Settled{}
	}
	return reply{status: http.StatusOK, body: struct {
		Settled []schemas.Settled `json:"settled"`
	}{settled}}, nil
}

// pulled is the endpoint of the path; one to which deliveries are sent is refused.
func (a *API) pulled(c *call) (schemas.EndpointID, error) {
	rec, err := a.endpoint(c)
	if err == nil && !rec.Value.Pull {
		err = schemas.Errorf(schemas.CodeConflict, "endpoint %s has a url, to which its deliveries are sent: to fetch them, make an endpoint with \"pull\": true", rec.Value.ID)
	}
	return rec.Value.ID, err
}

// sameKind refuses to make an endpoint that is pulled from one that is sent to, or the
// other way round: what waits for it lies elsewhere.
func sameKind(pull bool, e *schemas.Endpoint) error {
	if e.Pull == pull {
		return nil
	}
	return document.Invalid("pull", "an endpoint stays what it was made as: make another one")
}
