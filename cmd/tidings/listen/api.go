package listen

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/tidings-dev/tidings/cmd/tidings/client"
	"github.com/tidings-dev/tidings/schemas"
)

// listenAPI makes the few requests that listening needs. Its client waits for nobody:
// a listener says that it waits.
type listenAPI struct {
	*client.Client
	tenant schemas.TenantID
}

// refusal is what the API said, if it gave an answer.
func refusal(err error) (e *client.Error, ok bool) { return errors.AsType[*client.Error](err) }

// isGone reports whether what was named does not exist.
func isGone(err error) bool {
	e, ok := refusal(err)
	return ok && e.NotFound()
}

func (l *listenAPI) path(parts ...string) string {
	return client.Path(append([]string{"v1", "tenants", string(l.tenant)}, parts...)...)
}

// listenerEndpoint is as much of an endpoint as listening needs.
type listenerEndpoint struct {
	ID      schemas.EndpointID `json:"id"`
	Name    string             `json:"name"`
	Pull    bool               `json:"pull"`
	Secret  string             `json:"secret"`
	Updated time.Time          `json:"updated"`
}

// listeners are the endpoints that listeners have made, and the server's time.
func (l *listenAPI) listeners(ctx context.Context) (found []listenerEndpoint, at time.Time, err error) {
	page, err := l.List(ctx, l.path("endpoints"), nil, 0)
	if err != nil {
		return nil, at, err
	}
	for _, item := range page.Items {
		e, err := client.As[listenerEndpoint](item, nil)
		if err != nil {
			return nil, at, err
		}
		if e.Pull && strings.HasPrefix(e.Name, listenMark) {
			found = append(found, e)
		}
	}
	return found, page.At, nil
}

func (l *listenAPI) remove(ctx context.Context, id schemas.EndpointID) error {
	err := l.Delete(ctx, l.path("endpoints", string(id)))
	if isGone(err) {
		return nil
	}
	return err
}

func (l *listenAPI) rename(ctx context.Context, id schemas.EndpointID, name string) error {
	_, err := l.Patch(ctx, l.path("endpoints", string(id)), map[string]string{"name": name})
	return err
}

func (l *listenAPI) poll(ctx context.Context, id schemas.EndpointID) ([]schemas.Pulled, error) {
	ctx, cancel := context.WithTimeout(ctx, listenWait+listenSlack)
	defer cancel()
	body, err := json.Marshal(map[string]any{"max": listenMax, "wait": listenWait.String()})
	if err != nil {
		return nil, err
	}
	got, err := client.As[struct {
		Deliveries []schemas.Pulled `json:"deliveries"`
	}](l.Do(ctx, client.Request{Method: http.MethodPost, Path: l.path("endpoints", string(id), "poll"), Body: body, Unkept: true}))
	return got.Deliveries, err
}

func (l *listenAPI) settle(ctx context.Context, id schemas.EndpointID, s schemas.Settlement) (schemas.Settled, error) {
	ctx, cancel := context.WithTimeout(ctx, listenSlack)
	defer cancel()
	got, err := client.As[struct {
		Settled []schemas.Settled `json:"settled"`
	}](l.Post(ctx, l.path("endpoints", string(id), "settle"), s))
	if err != nil || len(got.Settled) != 1 {
		return schemas.Settled{Status: schemas.SettledUnavailable}, err
	}
	return got.Settled[0], nil
}
