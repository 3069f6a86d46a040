package h1

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// responses are what a receiver may write to each request, and whether the
// connection may carry the next one.
var responses = map[string]struct {
	raw    string
	reused bool
}{
	"length":                     {ok, true},
	"no content":                 {"HTTP/1.1 204 No Content\r\n\r\n", true},
	"length of nothing":          {"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", true},
	"not modified, with length":  {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", true},
	"chunks":                     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", true},
	"chunks and a trailer":       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n", true},
	"chunk extension":            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0\r\n\r\n", true},
	"same length twice":          {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", true},
	"length and chunks":          {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", true},
	"continue, early hints":      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok, true},
	"keep-alive of HTTP/1.0":     {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", true},
	"line feeds alone":           {"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", true},
	"close":                      {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", false},
	"HTTP/1.0":                   {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false},
	"until close":                {"HTTP/1.1 200 OK\r\n\r\nok", false},
	"no content, with content":   {"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", false},
	"more than its length":       {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nok", false},
	"a second response":          {ok + ok, false},
	"less than its length":       {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", false},
	"two lengths":                {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", false},
	"lengths in a list":          {"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nok", false},
	"negative length":            {"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok", false},
	"signed length":              {"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok", false},
	"unknown coding":             {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", false},
	"obscured coding":            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: \x0bchunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", false},
	"bad chunk size":             {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nok\r\n0\r\n\r\n", false},
	"huge chunk size":            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff0\r\nok\r\n0\r\n\r\n", false},
	"chunks without an end":      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", false},
	"space before the colon":     {"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok", false},
	"folded first field":         {"HTTP/1.1 200 OK\r\n X: y\r\n\r\n", false},
	"switching protocols":        {"HTTP/1.1 101 Switching Protocols\r\n\r\n", false},
	"status of two digits":       {"HTTP/1.1 20 OK\r\n\r\n", false},
	"HTTP/2 preface":             {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", false},
	"not HTTP":                   {"SSH-2.0-OpenSSH_9.9\r\n", false},
	"nothing":                    {"", false},
	"header without an end":      {"HTTP/1.1 200 OK\r\nX: y\r\n", false},
	"header as long as allowed":  {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: " + strings.Repeat("y", headerBound-100) + "\r\n\r\n", true},
	"header longer than allowed": {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: " + strings.Repeat("y", headerBound) + "\r\n\r\n", false},
	"many early hints":           {strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 3000) + ok, false},
}

// TestAgreesWithNetHTTP gives every response to net/http too: status, body and
// whether there was an error are the same.
func TestAgreesWithNetHTTP(t *testing.T) {
	for name, tt := range responses {
		t.Run(name, func(t *testing.T) {
			r := serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
				for first := true; ; first = false {
					if _, got := request(in); !got {
						return
					}
					_, _ = io.WriteString(c, tt.raw)
					if !tt.reused && first {
						return
					}
				}
			})
			std := &http.Transport{MaxResponseHeaderBytes: headerBound, DisableCompression: true}
			defer std.CloseIdleConnections()
			wantStatus, wantBody, wantErr := post(t, std, r.url)
			std.CloseIdleConnections()
			before := r.conns.Load()

			tr := newTransport(t, nil)
			status, body, err := post(t, tr, r.url)
			if status == http.StatusSwitchingProtocols {
				wantErr = nil // net/http's body is the connection
			}
			if status != wantStatus || body != wantBody || (err == nil) != (wantErr == nil) {
				t.Fatalf("got %d %.40q %v, net/http %d %.40q %v", status, body, err, wantStatus, wantBody, wantErr)
			}
			if kept := idle(tr) == 1; kept != tt.reused {
				t.Fatalf("kept %v, want %v", kept, tt.reused)
			}
			_, _, _ = post(t, tr, r.url)
			if again := r.conns.Load()-before == 1; again != tt.reused {
				t.Errorf("reused %v, want %v", again, tt.reused)
			}
		})
	}
}
