package api

import (
	"encoding/base64"
	"net/http"
	"strconv"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/schemas"
)

const (
	defaultLimit = 50
	maxLimit     = 200
)

// page is a part of a list. Next is the cursor of the part that follows; empty at
// the end.
type page struct {
	Items []any  `json:"items"`
	Next  string `json:"next,omitempty"`
}

// list answers with those records that keep lets through, as show shows them.
// Fetch is a page of the picture.
func list[T any](c *call, id func(*T) string, fetch func(after string, limit int) []registry.Record[T], keep func(*T) bool, show func(registry.Record[T]) (any, error)) (reply, error) {
	after, limit, err := c.window()
	if err != nil {
		return reply{}, err
	}
	p := page{Items: []any{}}
	for {
		records := fetch(after, limit+1) // one more tells whether there is a next page
		for i := range records {
			if keep != nil && !keep(&records[i].Value) {
				continue
			}
			if len(p.Items) == limit {
				p.Next = cursor(after)
				return reply{status: http.StatusOK, body: p}, nil
			}
			item, err := show(records[i])
			if err != nil {
				return reply{}, err
			}
			p.Items = append(p.Items, item)
			after = id(&records[i].Value)
		}
		if len(records) <= limit {
			return reply{status: http.StatusOK, body: p}, nil
		}
		after = id(&records[len(records)-1].Value)
	}
}

// window is which part of a list the request asks for.
func (c *call) window() (after string, limit int, err error) {
	query := c.r.URL.Query()
	limit = defaultLimit
	if text := query.Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > maxLimit {
			return "", 0, schemas.Errorf(schemas.CodeInvalid, "limit %q: use 1 to %d", text, maxLimit)
		}
	}
	after, err = parseCursor(query.Get("cursor"))
	return after, limit, err
}

// cursor hides the id after which a page begins, so that nobody builds on it.
func cursor(after string) string { return base64.RawURLEncoding.EncodeToString([]byte("1" + after)) }

func parseCursor(text string) (after string, err error) {
	if text == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < 2 || len(b) > 300 || b[0] != '1' || cursor(string(b[1:])) != text {
		return "", schemas.Errorf(schemas.CodeInvalid, "cursor: it is none that this list gave: take it from \"next\", or leave it out for the first page")
	}
	return string(b[1:]), nil
}
