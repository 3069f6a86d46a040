package attempt

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// hostileHTTP are those that speak HTTP/1.1, with TLS below or not.
func hostileHTTP() []hostile {
	return append(append(hostileBodies(), hostileHeads()...), hostileEnds()...)
}

const (
	head    = "HTTP/1.1 200 OK\r\n"
	ok200   = head + "Content-Length: 2\r\n\r\nok"
	chunked = "Transfer-Encoding: chunked\r\n\r\n"
	zipped  = "Content-Encoding: gzip\r\n"
)

// says reads the request, says something once, and waits.
func says(s string) func(*peer) {
	return func(p *peer) { _ = p.request() && p.say(s); p.hold() }
}

// leaves says it and hangs up.
func leaves(s string) func(*peer) {
	return func(p *peer) { _ = p.request() && p.say(s) }
}

// resets says it and breaks the connection.
func resets(s string) func(*peer) {
	return func(p *peer) { _ = p.request() && p.say(s); p.reset() }
}

// floods says something, and then something else for ever.
func floods(s, more string) func(*peer) {
	return func(p *peer) {
		if p.request() && p.say(s) {
			p.flood(more)
		}
	}
}

// drips does so slowly.
func drips(s, more string) func(*peer) {
	return func(p *peer) {
		if p.request() && p.say(s) {
			p.drip(more)
		}
	}
}

// bomb is 64 MiB of nothing in 64 KiB.
var bomb = sync.OnceValue(func() string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	zeros := make([]byte, 1<<20)
	for range 64 {
		_, _ = w.Write(zeros)
	}
	_ = w.Close()
	return b.String()
})

func hostileBodies() []hostile {
	const good, late, bad = schemas.ReasonOK, schemas.ReasonTimeout, schemas.ReasonResponse
	big := bomb()
	sized := func(s string) string { return "Content-Length: " + strconv.Itoa(len(s)) + "\r\n\r\n" + s }
	empty := "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff" // a gzip header; stored blocks of no bytes follow
	return []hostile{
		{name: "endless body", do: floods(head+"\r\n", "x"), want: good},
		{name: "endless chunks", do: floods(head+chunked, "2\r\nxx\r\n"), want: good},
		{name: "huge body", do: floods(head+"Content-Length: 9223372036854775807\r\n\r\n", "x"), want: good},
		{name: "huge chunk", do: floods(head+chunked+"7fffffffffffffff\r\n", "x"), want: good},
		{name: "dripped body", do: drips(head+"\r\n", "x"), want: late},
		{name: "dripped chunks", do: drips(head+chunked, "1\r\nx\r\n"), want: late},
		{name: "body never ends", do: says(head + "Content-Length: 3\r\n\r\nok"), want: late},
		{name: "body never begins", do: says(head + chunked), want: late},
		{name: "gzip bomb", do: leaves(head + zipped + sized(big)), want: good},
		{name: "deflate bomb", do: leaves(head + "Content-Encoding: deflate\r\n" + sized(big)), want: good},
		{name: "gzip of nothing for ever", do: floods(head+zipped+"\r\n"+empty, "\x00\x00\x00\xff\xff"), want: good},
		{name: "gzip that is none", do: leaves(head + zipped + sized("plain words")), want: good},
		{name: "chunked garbage", do: leaves(head + chunked + "zz\r\nok\r\n0\r\n\r\n"), want: bad},
		{name: "chunk of negative size", do: leaves(head + chunked + "-1\r\nok\r\n0\r\n\r\n"), want: bad},
		{name: "chunk without its end", do: leaves(head + chunked + "2\r\nokok\r\n0\r\n\r\n"), want: bad},
		{name: "endless chunk line", do: floods(head+chunked+"1;", "x"), want: bad},
		{name: "chunks that are all extension", do: floods(head+chunked, "1;"+strings.Repeat("x", 4000)+"\r\nx\r\n"), want: bad},
		{name: "endless trailer", do: floods(head+chunked+"0\r\n", "X: y\r\n"), want: bad},
	}
}

func hostileHeads() []hostile {
	const good, late, bad = schemas.ReasonOK, schemas.ReasonTimeout, schemas.ReasonResponse
	const throttled, hour, day = schemas.ReasonThrottled, time.Hour, 24 * time.Hour
	after := func(status, value string) func(*peer) {
		return leaves("HTTP/1.1 " + status + " X\r\nRetry-After: " + value + "\r\nContent-Length: 0\r\n\r\n")
	}
	return []hostile{
		{name: "endless headers", do: floods(head, "X: y\r\n"), want: bad},
		{name: "one giant header", do: floods(head+"X: ", "y"), want: bad},
		{name: "one giant name", do: floods(head, "x"), want: bad},
		{name: "giant status line", do: floods("HTTP/1.1 200 ", "y"), want: bad},
		{name: "folded header for ever", do: floods(head+"X: y\r\n", " y\r\n"), want: bad},
		{name: "dripped header", do: drips(head+"X: ", "y"), want: late},
		{name: "dripped status line", do: drips("HTTP/1.1 200 ", "y"), want: late},
		{name: "cookies for ever", do: floods(head, "Set-Cookie: a=b\r\n"), want: bad},
		{name: "many cookies", do: leaves(head + strings.Repeat("Set-Cookie: a=b\r\n", 1000) + "Content-Length: 0\r\n\r\n"), want: good},
		{name: "flood of continue", do: floods("", "HTTP/1.1 100 Continue\r\n\r\n"), want: bad},
		{name: "flood of early hints", do: floods("", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"), want: bad},
		{name: "dripped processing", do: drips("", "HTTP/1.1 102 Processing\r\n\r\n"), want: late},
		{name: "switch of protocol", do: says("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"), want: bad},
		{name: "switch and flood", do: floods("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "x"), want: bad},
		{name: "answer of an old version", do: leaves("<html>hello</html>\n"), want: bad},
		{name: "old version for ever", do: floods("", "x"), want: bad},
		{name: "garbage status line", do: leaves("HTTP/1.1 two hundred OK\r\n\r\n"), want: bad},
		{name: "status of two digits", do: leaves("HTTP/1.1 20 OK\r\n\r\n"), want: bad},
		{name: "negative status", do: leaves("HTTP/1.1 -20 OK\r\n\r\n"), want: bad},
		{name: "status from nowhere", do: leaves("HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n"), want: bad},
		{name: "nulls", do: floods("", "\x00"), want: bad},
		{name: "negative length", do: leaves(head + "Content-Length: -1\r\n\r\nok"), want: bad},
		{name: "length beyond numbers", do: leaves(head + "Content-Length: 99999999999999999999\r\n\r\nok"), want: bad},
		{name: "two lengths", do: leaves(head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nok!"), want: bad},
		{name: "length and chunks", do: leaves(head + "Content-Length: 2\r\n" + chunked + "2\r\nok\r\n0\r\n\r\n"), want: good},
		{name: "unknown coding", do: leaves(head + "Transfer-Encoding: gzip\r\n\r\nok"), want: bad},
		{name: "redirect to itself", do: leaves("HTTP/1.1 307 X\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"), want: schemas.ReasonRedirect},
		{name: "redirect inside", do: leaves("HTTP/1.1 302 X\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"), want: schemas.ReasonRedirect},
		{name: "redirect to garbage", do: leaves("HTTP/1.1 301 X\r\nLocation: ://%zz\r\nContent-Length: 0\r\n\r\n"), want: schemas.ReasonRedirect},
		{name: "wait a century", do: after("429", "3155760000"), want: throttled, least: day, most: day},
		{name: "wait until a century has passed", do: after("503", "Fri, 31 Dec 2999 23:59:59 GMT"), want: throttled, least: day, most: day},
		{name: "wait for more seconds than numbers have", do: after("429", strings.Repeat("9", 40)), want: throttled, least: day, most: day},
		{name: "wait a negative time", do: after("429", "-5"), want: throttled, least: time.Second, most: hour},
		{name: "wait for garbage", do: after("503", "soon"), want: schemas.ReasonServerError, least: time.Second, most: hour},
		{name: "wait until the past", do: after("429", "Thu, 01 Jan 1970 00:00:00 GMT"), want: throttled, least: time.Second, most: hour},
		{name: "wait for a header full", do: after("429", strings.Repeat("1", 60000)), want: throttled, least: day, most: day},
	}
}

func hostileEnds() []hostile {
	const good, late, bad, broke = schemas.ReasonOK, schemas.ReasonTimeout, schemas.ReasonResponse, schemas.ReasonReset
	return []hostile{
		{name: "reset at once", do: func(p *peer) { _, _ = p.in.ReadByte(); p.reset() }, want: broke},
		{name: "reset before the answer", do: resets(""), want: broke},
		{name: "reset in the status line", do: resets("HTTP/1."), want: bad},
		{name: "reset in the header", do: resets(head + "Content-Le"), want: bad},
		{name: "reset in the body", do: resets(head + "Content-Length: 3\r\n\r\nok"), want: broke},
		{name: "reset in a chunk", do: resets(head + chunked + "3\r\nok"), want: broke},
		{name: "close without an answer", do: leaves(""), want: broke},
		{name: "close in the header", do: leaves(head + "Content-Le"), want: bad},
		{name: "close in the body", do: leaves(head + "Content-Length: 3\r\n\r\nok"), want: broke},
		{name: "close in a chunk", do: leaves(head + chunked + "3\r\nok"), want: broke},
		{name: "half a close", want: broke, do: func(p *peer) {
			if p.request() {
				_ = p.raw.CloseWrite()
				p.hold()
			}
		}},
		{name: "half a close after the answer", want: good, do: func(p *peer) {
			if p.request() && p.say(ok200) {
				_ = p.raw.CloseWrite()
				p.hold()
			}
		}},
		{name: "no answer", do: says(""), want: late},
		{name: "nothing is read", want: late, do: func(p *peer) { waitGone(p.raw) }},
		{name: "answer before the request", want: good, early: true, do: func(p *peer) { p.say(ok200); p.hold() }},
		{name: "two answers to one request", do: says(ok200 + "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"), want: good, again: true},
	}
}

// waitGone waits for the connection's end without reading from it.
func waitGone(c net.Conn) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for _, err := c.Write(nil); err == nil; _, err = c.Write(nil) {
		<-tick.C
	}
}

// hostileTLS are those that get no further than the handshake.
func hostileTLS() []hostile {
	const broken, late = schemas.ReasonTLS, schemas.ReasonTimeout
	issue := func(change func(*x509.Certificate)) func(authority) tls.Certificate {
		return func(ca authority) tls.Certificate {
			c := leaf()
			change(c)
			return ca.issue(c)
		}
	}
	instead := func(do func(*peer)) func(*peer) bool {
		return func(p *peer) bool { do(p); return false }
	}
	return []hostile{
		{name: "tls stalls", want: late, hello: instead((*peer).hold)},
		{name: "tls stalls within a record", want: late, hello: instead(func(p *peer) { p.say("\x16\x03\x03\x40\x00\x02"); p.hold() })},
		{name: "tls drips", want: late, hello: instead(func(p *peer) { p.say("\x16\x03\x03\x40\x00\x02\x00\x3f\xfc"); p.drip("x") })},
		{name: "tls garbage", want: broken, hello: instead(func(p *peer) { p.flood("garbage ") })},
		{name: "tls that is plain", want: broken, hello: instead(func(p *peer) { p.say("HTTP/1.1 400 Bad Request\r\n\r\n"); p.hold() })},
		{name: "tls alert", want: broken, hello: instead(func(p *peer) { p.say("\x15\x03\x03\x00\x02\x02\x28"); p.hold() })},
		{name: "tls alerts for ever", want: broken, hello: instead(func(p *peer) { p.flood("\x15\x03\x03\x00\x02\x01\x5a") })},
		{name: "tls empty records for ever", want: broken, hello: instead(func(p *peer) { p.flood("\x16\x03\x03\x00\x00") })},
		{name: "tls giant message", want: broken, hello: instead(func(p *peer) { p.say("\x16\x03\x03\x40\x00\x02\xff\xff\xff"); p.flood("x") })},
		{name: "tls closed", want: schemas.ReasonReset, hello: instead(func(*peer) {})},
		{name: "tls reset", want: schemas.ReasonReset, hello: instead(func(p *peer) { _, _ = p.in.ReadByte(); p.reset() })},
		{name: "certificate expired", want: broken, cert: issue(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })},
		{name: "certificate not yet valid", want: broken, cert: issue(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(30 * time.Minute) })},
		{name: "certificate of another name", want: broken, cert: issue(func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"other.test"} })},
		{name: "certificate for no server", want: broken, cert: issue(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })},
		{name: "certificate signed by itself", want: broken, cert: func(ca authority) tls.Certificate { return authority{t: ca.t}.issue(leaf()) }},
	}
}
