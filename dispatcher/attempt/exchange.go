package attempt

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/egress"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

// response is what came of a request, for the delivery log.
type response struct {
	phases egress.Phases
	header http.Header   // nil if no response came
	head   time.Duration // until its header had come
	whole  time.Duration // until all of it had
	got    int           // bytes of its body
	body   []byte        // the body's beginning
}

// maxResponse is how much of a response body is read, in bytes. More
// is cut off: a receiver says all there is to say in its status.
const maxResponse = 64 << 10

// chunk is what a body is read into.
type chunk [4 << 10]byte

var chunks = sync.Pool{New: func() any { return new(chunk) }}

// read reads a response's body.
func (r *response) read(body io.Reader) (err error) {
	if body == http.NoBody {
		return nil
	}
	b := chunks.Get().(*chunk) //nolint:forcetypeassert // what New makes
	defer chunks.Put(b)
	for n := 0; err == nil && r.got < maxResponse; r.got += n {
		n, err = body.Read(b[:min(len(b), maxResponse-r.got)])
		r.body = append(r.body, b[:min(n, schemas.MaxResponse-len(r.body))]...)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// exchange is what the delivery log keeps of the request and its answer; nil if no
// request was made.
func (a *attempt) exchange(o schemas.Outcome) *schemas.Exchange {
	if !a.made {
		return nil
	}
	x := &schemas.Exchange{URL: a.target.shown, Sent: len(a.body), Timings: a.response.phases.Timings()}
	if h := a.response.header; h != nil {
		t := &x.Timings
		t.FirstByte = max(0, schemas.Duration(a.response.head)-t.DNS-t.Connect-t.TLS)
		t.Body = schemas.Duration(a.response.whole - a.response.head)
		x.Got, x.Body = a.response.got, strings.ToValidUTF8(string(a.response.body), "\uFFFD")
	}
	if o.Kind != schemas.Delivered {
		x.Header, x.Answer = shownRequest(a.header), shownAnswer(a.response.header)
	}
	return x
}

// shownURL is a URL without what may be a secret.
func shownURL(u *url.URL) string {
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	if u.RawQuery != "" {
		return shown.String() + "?" + hidden
	}
	return shown.String()
}

// hidden stands for a value that may be a secret.
const hidden = "<hidden>"

// shownRequest is a request's header with the values that are known to be no secrets.
func shownRequest(h http.Header) schemas.Header {
	shown := make(schemas.Header, len(h))
	for name, values := range h {
		if !public(strings.ToLower(name)) {
			values = []string{hidden}
		}
		shown[name] = values
	}
	return shown
}

// public are the headers by which a receiver verifies a request, but for a key itself.
func public(name string) bool {
	switch name {
	case "content-type", "user-agent", "traceparent", signing.HeaderID, signing.HeaderTimestamp, signing.HeaderSignature,
		strings.ToLower(signing.HeaderOneRoute), strings.ToLower(signing.HeaderRelayBoxSignature), strings.ToLower(signing.HeaderRelayBoxID):
		return true
	}
	return strings.HasPrefix(name, "ce-")
}

// shownAnswer is as much of a response's header as is kept. Cookies are nobody's
// business.
func shownAnswer(h http.Header) schemas.Header {
	if len(h) == 0 {
		return nil
	}
	shown, room := make(schemas.Header, len(h)), schemas.MaxAnswer
	for name, values := range h {
		if name == "Set-Cookie" {
			values = []string{hidden}
		}
		size := len(name)
		for _, v := range values {
			size += len(v)
		}
		if room -= size; room < 0 {
			break
		}
		shown[name] = values
	}
	return shown
}
