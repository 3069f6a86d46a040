package broker

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/tidings-dev/tidings/schemas"
)

// Health is what keeps the server from storing, nil if nothing does. A stream that
// once could not be written to takes nothing more in until the server starts anew,
// and does not even answer (nats-server 2.15); of the client's calls that look like
// a server that is slow. Only the server's own health check tells.
func (s *Server) Health() error {
	var answer healthAnswer
	s.ns.HandleHealthz(&answer, &http.Request{Method: http.MethodGet, URL: &url.URL{}})
	if answer.status < http.StatusBadRequest {
		return nil
	}
	var said struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal(answer.body.Bytes(), &said); err != nil || said.Error == "" {
		said.Error = answer.body.String()
	}
	return schemas.Errorf(schemas.CodeFull, "the embedded NATS server cannot store any more: %s", said.Error)
}

// healthAnswer is an http.ResponseWriter that keeps what is written.
type healthAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *healthAnswer) Header() http.Header {
	if a.header == nil {
		a.header = http.Header{}
	}
	return a.header
}

func (a *healthAnswer) WriteHeader(status int) { a.status = status }

func (a *healthAnswer) Write(b []byte) (int, error) { return a.body.Write(b) }
