package client

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// PageSize is how many items a page of the API has at most.
const PageSize = 200

// Page is what the API answers of a list, or several such answers in one.
type Page struct {
	Items []json.RawMessage `json:"items"`
	// Next is the cursor of what follows; empty if nothing does.
	Next string `json:"next,omitempty"`
	// At is the server's time of the last answer; zero if it did not say it.
	At time.Time `json:"-"`
}

// List reads up to most items of a list, all of them if most is 0, in as many pages
// as that takes.
func (c *Client) List(ctx context.Context, path string, query url.Values, most int) (Page, error) {
	all := Page{Items: []json.RawMessage{}}
	for page, err := range c.Pages(ctx, path, query, most) {
		if err != nil {
			return Page{}, err
		}
		all.Items, all.Next, all.At = append(all.Items, page.Items...), page.Next, page.At
	}
	return all, nil
}

// Pages are the pages of a list, with most items in all, or every one if most is 0.
// After an error there is nothing more.
func (c *Client) Pages(ctx context.Context, path string, query url.Values, most int) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		q := url.Values{}
		maps.Copy(q, query)
		for left := most; ; {
			size := PageSize
			if most > 0 {
				size = min(size, left)
			}
			q.Set("limit", strconv.Itoa(size))
			page, err := c.page(ctx, path, q)
			if !yield(page, err) || err != nil || page.Next == "" {
				return
			}
			if left -= len(page.Items); most > 0 && left <= 0 {
				return
			}
			if page.Next == q.Get("cursor") {
				yield(Page{}, fmt.Errorf("list %s: the server gives the same page again and again", path))
				return
			}
			q.Set("cursor", page.Next)
		}
	}
}

func (c *Client) page(ctx context.Context, path string, q url.Values) (Page, error) {
	r := Request{Method: http.MethodGet, Path: path, Query: q}
	body, at, err := c.do(ctx, r)
	if err != nil {
		return Page{}, err
	}
	p := Page{At: at}
	if err := json.Unmarshal(body, &p); err != nil || p.Items == nil {
		return Page{}, c.stranger(r, http.StatusOK)
	}
	return p, nil
}
