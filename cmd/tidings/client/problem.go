package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Error is a call that did not do what it was to do. Its text says what is wrong,
// where, and what to do; it has no token and no query.
type Error struct {
	// Status is that of the answer; 0 if there was none.
	Status int
	// Code and Field are the API's (RFC 9457); empty if the answer was not the API's.
	Code, Field string
	// Detail is the API's sentence, without the call; empty likewise.
	Detail string

	text  string
	wait  time.Duration // to be waited before it is tried again; 0 to try no more
	cause error
}

// Error is the text.
func (e *Error) Error() string { return e.text }

// Unwrap is why no answer came; nil if one did.
func (e *Error) Unwrap() error { return e.cause }

// NotFound reports whether what was named does not exist.
func (e *Error) NotFound() bool { return e.Status == http.StatusNotFound && e.Code != "" }

// Denied reports whether the token does not allow it, or is none.
func (e *Error) Denied() bool {
	return e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden
}

// Unreachable reports whether the API gave no answer: nobody is there, something
// else is, or it asks to be left alone.
func (e *Error) Unreachable() bool {
	switch e.Status {
	case 0, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return e.Code == ""
}

// Lasting reports whether asking again would get the same answer.
func (e *Error) Lasting() bool {
	return e.Status >= 400 && e.Status < 500 && e.Status != http.StatusTooManyRequests && e.Status != http.StatusRequestTimeout
}

// problem is a body of RFC 9457, as the API words it.
type problem struct {
	Detail string `json:"detail"`
	Code   string `json:"code"`
	Field  string `json:"field"`
}

// where names a call in an error.
func (c *Client) where(r Request) string { return r.Method + " " + c.Server() + r.Path }

// unreachable is the error of a call that was not answered.
func (c *Client) unreachable(r Request, err error) *Error {
	reason := err
	if u, ok := errors.AsType[*url.Error](err); ok { // which repeats the URL with its query
		reason = u.Err
	}
	return &Error{
		cause: reason,
		text:  fmt.Sprintf("%s: no answer: %v: see that tidings run is running there, or say where it is with --server, TIDINGS_SERVER or a context", c.where(r), reason),
	}
}

// stranger is the error of an answer that Tidings would not give.
func (c *Client) stranger(r Request, status int) *Error {
	return &Error{
		Status: status,
		text:   fmt.Sprintf("%s: the answer %d is not Tidings' own: something else listens there, so check --server", c.where(r), status),
	}
}

// refusal is the error of an answer of 3xx, 4xx or 5xx.
func (c *Client) refusal(r Request, response *http.Response, body []byte) *Error {
	status := response.StatusCode
	if to := response.Header.Get("Location"); status < 400 && to != "" {
		return &Error{Status: status, text: fmt.Sprintf("%s: the server wants to be called at %q: give that as --server, if it is to have the token", c.where(r), to)}
	}
	var p problem
	media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	e := c.stranger(r, status)
	if media == "application/problem+json" && json.Unmarshal(body, &p) == nil && p.Code != "" && p.Detail != "" {
		e = &Error{Status: status, Code: p.Code, Field: p.Field, Detail: p.Detail, text: c.words(r, status, p)}
	}
	underWay := status == http.StatusConflict && response.Header.Get("Retry-After") != "" // under the same Idempotency-Key
	if underWay || status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		e.wait = waitOf(response.Header, time.Now())
		if e.wait > c.options.MaxWait {
			e.text += fmt.Sprintf(": try again in %s", e.wait)
		}
	}
	return e
}

// words are the API's, with the call, and for who calls from a terminal.
func (c *Client) words(r Request, status int, p problem) string {
	detail := p.Detail
	if p.Field != "" && !strings.Contains(detail, p.Field) {
		detail = p.Field + ": " + detail
	}
	if status == http.StatusUnauthorized {
		if c.options.Token == "" {
			detail = "there is no token"
		} else {
			detail = "the token is not valid there"
		}
		detail += ": give one with --token, TIDINGS_TOKEN or tidings context add"
	}
	return fmt.Sprintf("%s: %s (%d %s)", c.where(r), detail, status, p.Code)
}
