package attempt

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// receiver is a TCP server on loopback whose every connection but the first few
// is a hostile's.
type receiver struct {
	url  string
	met  chan struct{} // closed at the first hostile connection
	over chan struct{} // closed at its end
	sent atomic.Int64  // bytes that hostile connections got rid of
}

func newReceiver(t *testing.T, ca authority, speak string, manners int, h hostile) *receiver {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	scheme := "https"
	if speak == "http" {
		scheme = "http"
	}
	r := &receiver{url: scheme + "://" + ln.Addr().String() + "/", met: make(chan struct{}), over: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; ; n++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			does := h
			if n < manners {
				does = hostile{do: politeOnce}
			} else if n == manners {
				close(r.met)
			}
			wg.Go(func() {
				stop := context.AfterFunc(ctx, func() { _ = c.Close() })
				defer stop()
				r.serve(c, ca, speak, does, n >= manners)
				_ = c.Close()
				if n == manners {
					close(r.over)
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		cancel()
		wg.Wait()
	})
	return r
}

func (r *receiver) serve(raw net.Conn, ca authority, speak string, h hostile, count bool) {
	p := &peer{Conn: raw, raw: raw.(*net.TCPConn), sent: &r.sent, count: count, speak: speak} //nolint:forcetypeassert // it is one
	p.in = bufio.NewReader(p.Conn)
	if h.hello != nil && !h.hello(p) {
		return
	}
	if speak != "http" {
		cert := ca.good
		if h.cert != nil {
			cert = h.cert(ca)
		}
		config := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}}
		if speak == "h2" {
			config.NextProtos = []string{"h2"}
		}
		secure := tls.Server(raw, config)
		if secure.HandshakeContext(context.Background()) != nil {
			return
		}
		p.Conn, p.in = secure, bufio.NewReader(secure)
	}
	if h.do != nil {
		h.do(p)
	}
}

// peer is the receiver's side of a connection.
type peer struct {
	net.Conn // TLS for https
	raw      *net.TCPConn
	in       *bufio.Reader
	sent     *atomic.Int64
	count    bool
	speak    string
}

// say tells whether the other side still listens.
func (p *peer) say(s string) bool {
	n, err := io.WriteString(p.Conn, s)
	if p.count {
		p.sent.Add(int64(n))
	}
	return err == nil
}

// flood says something for ever.
func (p *peer) flood(s string) {
	for len(s) < 4<<10 {
		s += s
	}
	for p.say(s) {
	}
}

// drip does too, slowly.
func (p *peer) drip(s string) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for p.say(s) {
		<-tick.C
	}
}

// hold reads until the other side is gone.
func (p *peer) hold() { _, _ = io.Copy(io.Discard, p.in) }

// reset makes the end of the connection abrupt.
func (p *peer) reset() { _ = p.raw.SetLinger(0); _ = p.raw.Close() }

// request reads one request of HTTP/1.1 with its body.
func (p *peer) request() bool {
	r, err := http.ReadRequest(p.in)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, r.Body)
	return err == nil
}

// polite answers every request.
func polite(p *peer) {
	if p.speak == "h2" {
		politeHTTP2(p)
		return
	}
	for p.request() && p.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") { //nolint:revive // that is all
	}
}

// politeOnce answers one and closes the connection.
func politeOnce(p *peer) {
	_ = p.request() && p.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
}

// authority issues certificates.
type authority struct {
	pool *x509.CertPool
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	good tls.Certificate
	t    *testing.T
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	ca := authority{pool: x509.NewCertPool(), t: t}
	c := ca.issue(&x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(time.Hour),
	})
	ca.cert, ca.key = c.Leaf, c.PrivateKey.(*ecdsa.PrivateKey) //nolint:forcetypeassert // made by issue
	ca.pool.AddCert(ca.cert)
	ca.good = ca.issue(leaf())
	return ca
}

// leaf is a certificate for loopback with nothing wrong.
func leaf() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(2), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
}

// issue signs with the authority's key, or, of an authority without one, with the
// certificate's own.
func (ca authority) issue(c *x509.Certificate) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		ca.t.Error(err)
		return tls.Certificate{}
	}
	parent, signer := ca.cert, ca.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		ca.t.Error(err)
		return tls.Certificate{}
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		ca.t.Error(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: made}
}
