package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// listenAPI makes the few requests that listening needs.
type listenAPI struct {
	server, token string
	tenant        schemas.TenantID
	client        *http.Client
}

// apiProblem is a refusal (RFC 9457).
type apiProblem struct {
	status int
	detail string
}

func (p *apiProblem) Error() string {
	return fmt.Sprintf("the API answered %d: %s", p.status, p.detail)
}

// lasting reports whether asking again would get the same answer.
func (p *apiProblem) lasting() bool {
	return p.status >= 400 && p.status < 500 && p.status != http.StatusTooManyRequests && p.status != http.StatusRequestTimeout
}

// statusOf is the status of a refusal; 0 if there was no answer.
func statusOf(err error) int {
	if p, ok := errors.AsType[*apiProblem](err); ok {
		return p.status
	}
	return 0
}

// maxAnswer bounds what the API is believed to answer, in bytes.
const maxAnswer = 256 << 20

// do makes a request of /v1, and returns the server's time with the answer.
func (l *listenAPI) do(ctx context.Context, method, path string, body, into any) (at time.Time, err error) {
	var text []byte
	if body != nil {
		if text, err = json.Marshal(body); err != nil {
			return at, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(l.server, "/")+"/v1"+path, bytes.NewReader(text))
	if err != nil {
		return at, schemas.Errorf(schemas.CodeInvalid, "--server: write it like http://127.0.0.1:8080")
	}
	r.Header.Set("Authorization", "Bearer "+l.token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := l.client.Do(r)
	if err != nil {
		if failed, ok := errors.AsType[*url.Error](err); ok {
			err = failed.Err // the URL is the reader's own
		}
		return at, err
	}
	defer answer.Body.Close() //nolint:errcheck // it is only read
	at, _ = http.ParseTime(answer.Header.Get("Date"))
	got, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	switch {
	case err != nil:
		return at, err
	case answer.StatusCode >= http.StatusMultipleChoices:
		var problem struct {
			Detail string `json:"detail"`
		}
		_ = json.Unmarshal(got, &problem) // another program's answer says nothing
		return at, &apiProblem{answer.StatusCode, problem.Detail}
	case into == nil:
		return at, nil
	}
	if err := json.Unmarshal(got, into); err != nil {
		return at, fmt.Errorf("read the API's answer: %w", err)
	}
	return at, nil
}

func (l *listenAPI) path(parts ...string) string {
	var path strings.Builder
	path.WriteString("/tenants/" + url.PathEscape(string(l.tenant)))
	for _, p := range parts {
		path.WriteString("/" + url.PathEscape(p))
	}
	return path.String()
}

// findTenant is the only one there is, if none is named.
func (l *listenAPI) findTenant(ctx context.Context) error {
	if l.tenant != "" {
		return nil
	}
	var page struct {
		Items []struct {
			ID schemas.TenantID `json:"id"`
		} `json:"items"`
	}
	_, err := l.do(ctx, http.MethodGet, "/tenants?limit=2", nil, &page)
	switch {
	case statusOf(err) == http.StatusForbidden || err == nil && len(page.Items) != 1:
		return schemas.Errorf(schemas.CodeInvalid, "--tenant says whose events are meant: give it, or set TIDINGS_TENANT")
	case err != nil:
		return err
	}
	l.tenant = page.Items[0].ID
	return nil
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
	for cursor := ""; ; {
		var page struct {
			Items []listenerEndpoint `json:"items"`
			Next  string             `json:"next"`
		}
		query := "?limit=200"
		if cursor != "" {
			query += "&cursor=" + url.QueryEscape(cursor)
		}
		if at, err = l.do(ctx, http.MethodGet, l.path("endpoints")+query, nil, &page); err != nil {
			return nil, at, err
		}
		for _, e := range page.Items {
			if e.Pull && strings.HasPrefix(e.Name, listenMark) {
				found = append(found, e)
			}
		}
		if cursor = page.Next; cursor == "" {
			return found, at, nil
		}
	}
}

func (l *listenAPI) remove(ctx context.Context, id schemas.EndpointID) error {
	_, err := l.do(ctx, http.MethodDelete, l.path("endpoints", string(id)), nil, nil)
	if statusOf(err) == http.StatusNotFound {
		return nil
	}
	return err
}

func (l *listenAPI) rename(ctx context.Context, id schemas.EndpointID, name string) error {
	_, err := l.do(ctx, http.MethodPatch, l.path("endpoints", string(id)), map[string]string{"name": name}, nil)
	return err
}

func (l *listenAPI) poll(ctx context.Context, id schemas.EndpointID) ([]schemas.Pulled, error) {
	ctx, cancel := context.WithTimeout(ctx, listenWait+listenSlack)
	defer cancel()
	var got struct {
		Deliveries []schemas.Pulled `json:"deliveries"`
	}
	_, err := l.do(ctx, http.MethodPost, l.path("endpoints", string(id), "poll"), map[string]any{"max": listenMax, "wait": listenWait.String()}, &got)
	return got.Deliveries, err
}

func (l *listenAPI) settle(ctx context.Context, id schemas.EndpointID, s schemas.Settlement) (schemas.Settled, error) {
	ctx, cancel := context.WithTimeout(ctx, listenSlack)
	defer cancel()
	var got struct {
		Settled []schemas.Settled `json:"settled"`
	}
	_, err := l.do(ctx, http.MethodPost, l.path("endpoints", string(id), "settle"), s, &got)
	if err != nil || len(got.Settled) != 1 {
		return schemas.Settled{Status: schemas.SettledUnavailable}, err
	}
	return got.Settled[0], nil
}
