package roam

import (
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/tidings-dev/tidings/schemas"
)

func (h *handler) unsubscribe(w http.ResponseWriter, r *http.Request) {
	c, err := h.caller(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	id, err := readID(w, r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	switch err := h.remove(r.Context(), c, id); {
	case schemas.HasCode(err, schemas.CodeNotFound):
		refuse(w, http.StatusNotFound, "webhook subscription not found")
	case err != nil:
		h.fail(w, r, err)
	default:
		h.note(r, c, id, []string{"id"}, http.StatusNoContent)
		w.WriteHeader(http.StatusNoContent)
	}
}

// readID is the subscription that is meant, named in the form or, as Roam's node
// for n8n does, in the query. A body in JSON is not looked at, as at Roam.
func readID(w http.ResponseWriter, r *http.Request) (schemas.SubscriptionID, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		return "", schemas.Errorf(schemas.CodeInvalid, "the form could not be read: %w", err)
	}
	text := r.Form.Get("id")
	if text == "" {
		return "", schemas.Errorf(schemas.CodeInvalid, "id parameter required")
	}
	id, err := uuid.Parse(text)
	if len(text) != uuidLen { // braces and the like
		err = errors.Join(err, errors.New("of another length"))
	}
	if err != nil {
		return "", schemas.Errorf(schemas.CodeInvalid, "id parameter is not a UUID: give the id that webhook.subscribe returned")
	}
	return subscriptionID(id.String()), nil
}
