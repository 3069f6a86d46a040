package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/schemas"
)

// stored is an answer as it is sent, and as an Idempotency-Key keeps it.
type stored struct {
	Status   int             `json:"status"`
	Body     json.RawMessage `json:"body,omitempty"`
	ETag     string          `json:"etag,omitempty"`
	Location string          `json:"location,omitempty"`

	replayed bool
}

func (r reply) encode() (stored, error) {
	s := stored{Status: r.status, Location: r.location}
	if r.version != 0 {
		s.ETag = etag(r.version)
	}
	var err error
	if r.body != nil {
		s.Body, err = json.Marshal(r.body)
	}
	return s, err
}

// write sends the answer, or 304 to a reader who has it (RFC 9110, section
// 13.1.2).
func (s stored) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if s.ETag != "" {
		h.Set("ETag", s.ETag)
	}
	if s.Location != "" {
		h.Set("Location", s.Location)
	}
	if s.replayed {
		h.Set("Idempotency-Replayed", "true")
	}
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case reads && s.ETag != "" && noneMatch(r.Header.Values("If-None-Match"), s.ETag):
		w.WriteHeader(http.StatusNotModified)
	case s.Body == nil:
		w.WriteHeader(s.Status)
	default:
		send(w, s.Status, "application/json", s.Body)
	}
}

func etag(version uint64) string { return `"` + strconv.FormatUint(version, 10) + `"` }

// noneMatch compares weakly, as RFC 9110 wants it of If-None-Match.
func noneMatch(headers []string, have string) bool {
	for tag := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || strings.TrimPrefix(tag, "W/") == have {
			return true
		}
	}
	return false
}

// ifMatch is the version that a change is meant for: [registry.AnyVersion] if
// the request names none. A tag that no record can have is stale.
func (c *call) ifMatch() (uint64, error) { return parseIfMatch(c.r.Header.Values("If-Match")) }

func parseIfMatch(headers []string) (uint64, error) {
	if len(headers) == 0 || slices.Equal(headers, []string{"*"}) {
		return registry.AnyVersion, nil
	}
	tag := strings.TrimSpace(strings.Join(headers, ","))
	text, quoted := strings.CutPrefix(tag, `"`)
	text, closed := strings.CutSuffix(text, `"`)
	if strings.HasPrefix(tag, "W/") {
		return 0, errStale // a weak tag never matches (RFC 9110, section 13.1.1)
	}
	if !quoted || !closed || strings.ContainsAny(text, `",`) {
		return 0, schemas.Errorf(schemas.CodeInvalid, "If-Match: give one ETag with its quotes, like \"\\\"42\\\"\", or leave the header out")
	}
	version, err := strconv.ParseUint(text, 10, 64)
	if err != nil || version == registry.AnyVersion || etag(version) != tag {
		return 0, errStale
	}
	return version, nil
}

var errStale = schemas.Errorf(schemas.CodeStale, "If-Match names a version that the object does not have: read it again")
