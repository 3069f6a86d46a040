package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tidings-dev/tidings/schemas"
)

const (
	defaultMaxWait = 30 * time.Second
	// maxAnswer bounds what is read of an answer, in bytes: a page of 200 event types
	// with the largest schemas is far below.
	maxAnswer = 256 << 20
	// leastWait is how long a server is left alone that says 429 or 503 without a
	// Retry-After.
	leastWait = time.Second
)

// Options say where the API is, and who calls it.
type Options struct {
	// Server is its base URL, http or https, like "http://127.0.0.1:8080". Required.
	Server string
	// Token is sent as "Authorization: Bearer"; empty sends none.
	Token string
	// Agent is the User-Agent.
	Agent string
	// MaxWait is how long one call may wait in all for what 429 and 503 ask for, and 409 of
	// a call whose first try is under way; 30 s by default, and nothing if it is negative.
	// A server that asks for more is not waited for.
	MaxWait time.Duration
	// Transport makes the requests; nil for http.DefaultTransport.
	Transport http.RoundTripper
}

// Client calls the API. It is safe for concurrent use.
type Client struct {
	options Options
	base    *url.URL
	http    *http.Client
}

// New checks the options; it calls nobody. The error is a [schemas.CodeInvalid].
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.Server)
	switch {
	case err != nil: // the parser's error repeats what may hold a password
		return nil, schemas.Errorf(schemas.CodeInvalid, "the server is no URL: write it like http://127.0.0.1:8080")
	case base.Scheme != "http" && base.Scheme != "https" || base.Host == "":
		return nil, schemas.Errorf(schemas.CodeInvalid, "the server %q is no URL: write it like http://127.0.0.1:8080", base.Redacted())
	case base.User != nil:
		return nil, schemas.Errorf(schemas.CodeInvalid, "the server %q has a user in it: give a token instead", base.Redacted())
	case base.RawQuery != "" || base.Fragment != "":
		return nil, schemas.Errorf(schemas.CodeInvalid, "the server %q has a query: give the URL that /v1 comes after", base.Redacted())
	}
	if strings.IndexFunc(o.Token, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 {
		return nil, schemas.Errorf(schemas.CodeInvalid, "the token has characters that no token has: copy it as one line")
	}
	o.MaxWait = cmp.Or(o.MaxWait, defaultMaxWait)
	return &Client{
		options: o,
		base:    base,
		http: &http.Client{
			Transport:     o.Transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Server is the base URL, without a slash at its end.
func (c *Client) Server() string { return strings.TrimSuffix(c.base.String(), "/") }

// Request is one call.
type Request struct {
	Method string
	// Path begins with "/v1"; see [Path].
	Path  string
	Query url.Values
	// Body is sent if it is not nil, as Media, application/json by default.
	Body  []byte
	Media string
	// IfMatch is the ETag that the object must have; empty for any.
	IfMatch string
	// Unkept has a POST go without an Idempotency-Key: for routes that refuse it, since
	// what they answer is not kept.
	Unkept bool
}

// Path joins the segments of a path, of which each may hold any character:
// Path("v1", "tenants", "acme").
func Path(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(s))
	}
	return b.String()
}

// Do makes a call, and returns the body of the answer, nil if it has none. The error
// is an [*Error], or that of ctx.
func (c *Client) Do(ctx context.Context, r Request) (json.RawMessage, error) {
	body, _, err := c.do(ctx, r)
	return body, err
}

// do is Do, with the server's time; zero if it did not say it.
func (c *Client) do(ctx context.Context, r Request) (json.RawMessage, time.Time, error) {
	key := ""
	if r.Method == http.MethodPost && !r.Unkept {
		key = uuid.NewString()
	}
	left := c.options.MaxWait
	var before error // why the call is repeated
	for {
		body, at, err := c.once(ctx, r, key)
		refused, ok := errors.AsType[*Error](err)
		own := ok && refused.wait > 0 && refused.Status == http.StatusConflict && before != nil // it is the call itself that is under way
		if own {
			err = fmt.Errorf("%w: it may still be done", before)
		}
		if !ok || refused.wait == 0 || refused.wait > left {
			return body, at, err
		}
		if !own {
			before = err
		}
		left -= refused.wait
		select {
		case <-time.After(refused.wait):
		case <-ctx.Done():
			return nil, at, ctx.Err()
		}
	}
}

// once makes the call and does not repeat it.
func (c *Client) once(ctx context.Context, r Request, key string) (body json.RawMessage, at time.Time, err error) {
	target := c.Server() + r.Path
	if len(r.Query) > 0 {
		target += "?" + r.Query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, target, bytes.NewReader(r.Body))
	if err != nil {
		return nil, at, c.unreachable(r, err)
	}
	c.head(request.Header, r, key)
	response, err := c.http.Do(request)
	if err != nil {
		return nil, at, cmp.Or(ctx.Err(), error(c.unreachable(r, err)))
	}
	defer response.Body.Close() //nolint:errcheck // read only
	at, _ = http.ParseTime(response.Header.Get("Date"))
	body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, at, cmp.Or(ctx.Err(), error(c.unreachable(r, err)))
	case response.StatusCode < 200 || response.StatusCode > 299:
		return nil, at, c.refusal(r, response, body)
	case len(body) == 0:
		return nil, at, nil
	case len(body) > maxAnswer || !json.Valid(body):
		return nil, at, c.stranger(r, response.StatusCode)
	}
	return body, at, nil
}

func (c *Client) head(h http.Header, r Request, key string) {
	set := func(name, value string) {
		if value != "" {
			h.Set(name, value)
		}
	}
	h.Set("Accept", "application/json, application/problem+json")
	set("User-Agent", c.options.Agent)
	set("Idempotency-Key", key)
	set("If-Match", r.IfMatch)
	if c.options.Token != "" {
		h.Set("Authorization", "Bearer "+c.options.Token)
	}
	if r.Body != nil {
		h.Set("Content-Type", cmp.Or(r.Media, "application/json"))
	}
}

// Get reads an object.
func (c *Client) Get(ctx context.Context, path string) (json.RawMessage, error) {
	return c.Do(ctx, Request{Method: http.MethodGet, Path: path})
}

// Post sends in as JSON; nil sends no body.
func (c *Client) Post(ctx context.Context, path string, in any) (json.RawMessage, error) {
	return c.send(ctx, http.MethodPost, path, in)
}

// Patch sends a JSON Merge Patch.
func (c *Client) Patch(ctx context.Context, path string, in any) (json.RawMessage, error) {
	return c.send(ctx, http.MethodPatch, path, in)
}

// Put sends in as JSON.
func (c *Client) Put(ctx context.Context, path string, in any) (json.RawMessage, error) {
	return c.send(ctx, http.MethodPut, path, in)
}

// Delete removes an object.
func (c *Client) Delete(ctx context.Context, path string) error {
	_, err := c.Do(ctx, Request{Method: http.MethodDelete, Path: path})
	return err
}

func (c *Client) send(ctx context.Context, method, path string, in any) (json.RawMessage, error) {
	r := Request{Method: method, Path: path}
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		r.Body = body
	}
	return c.Do(ctx, r)
}

// waitOf is what a Retry-After (RFC 9110, section 10.2.3) asks for, at least 1 s. An
// answer without one that is understood asks for just that.
func waitOf(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return max(leastWait, time.Duration(seconds)*time.Second)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(leastWait, at.Sub(now))
	}
	return leastWait
}
