package roam

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"unicode/utf8"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// maxURL bounds the URL of a subscription, in characters, as Roam does.
const maxURL = 255

// subscription is the answer of webhook.subscribe.
type subscription struct {
	ID     string         `json:"id"`
	Event  string         `json:"event"` // as the request spells it
	URL    string         `json:"url"`
	Filter map[string]any `json:"filter,omitempty"`
}

// wish is what webhook.subscribe asks for.
type wish struct {
	URL    string
	Event  string // as the request spells it
	Type   string // the CloudEvents type that is meant
	Filter map[string]any
	Exact  []schemas.Filter // what Filter means
}

func (h *handler) subscribe(w http.ResponseWriter, r *http.Request) {
	c, err := h.caller(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		h.fail(w, r, schemas.Errorf(schemas.CodeInvalid, "the body could not be read: %w", err))
		return
	}
	asked, err := h.readWish(c.tenant, body)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	id, err := h.store(r.Context(), c, asked)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	fields := []string{"event", "url"}
	if len(asked.Filter) > 0 {
		fields = []string{"event", "filter", "url"}
	}
	h.note(r, c, subscriptionID(id), fields, http.StatusOK)
	answer(w, http.StatusOK, subscription{ID: id, Event: asked.Event, URL: asked.URL, Filter: asked.Filter})
}

// readWish reads the body of webhook.subscribe. Members that Roam does not have
// mean nothing, save in the filter.
func (h *handler) readWish(tenant schemas.TenantID, body []byte) (wish, error) {
	var request struct {
		URL    *string                    `json:"url"`
		Event  *string                    `json:"event"`
		Filter map[string]json.RawMessage `json:"filter"`
	}
	var wrong *json.UnmarshalTypeError
	switch err := json.Unmarshal(body, &request); {
	case errors.As(err, &wrong) && wrong.Field != "":
		return wish{}, schemas.Errorf(schemas.CodeInvalid, "%s parameter is of another type: url and event are strings, filter is an object", wrong.Field)
	case err != nil:
		return wish{}, schemas.Errorf(schemas.CodeInvalid, "the body is not a JSON object: send {\"url\": …, \"event\": …}")
	case request.URL == nil || *request.URL == "":
		return wish{}, schemas.Errorf(schemas.CodeInvalid, "url parameter required")
	case request.Event == nil || *request.Event == "":
		return wish{}, schemas.Errorf(schemas.CodeInvalid, "event parameter required")
	}
	if err := h.checkURL(*request.URL); err != nil {
		return wish{}, err
	}
	eventType, known, err := typeOf(h.Catalogue, tenant, *request.Event)
	if err != nil {
		return wish{}, err
	}
	if known == nil {
		known = &catalogue.Type{} // without filters
	}
	asked := wish{URL: *request.URL, Event: *request.Event, Type: eventType}
	asked.Filter, asked.Exact, err = readFilter(*request.Event, known.Filters, request.Filter)
	return asked, err
}

func (h *handler) checkURL(raw string) error {
	if utf8.RuneCountInString(raw) > maxURL {
		return schemas.Errorf(schemas.CodeInvalid, "url has more than %d characters: use a shorter one", maxURL)
	}
	u, err := schemas.ParseURL(raw)
	if err != nil {
		return err
	}
	return h.CheckURL(u)
}

// onlyHTTPS is what Roam asks of a URL.
func onlyHTTPS(u *url.URL) error {
	if u.Scheme != "https" {
		return schemas.Errorf(schemas.CodeInvalid, "url is not https: use https")
	}
	return nil
}
