// Package egress is the way out: every request to an endpoint leaves through
// its transport, and no connection opens that its guard has not judged.
//
// Endpoint URLs are written by customers, so a request may be aimed at the
// network Tidings runs in (server-side request forgery). What a URL says, and
// what its host name resolved to a moment ago, prove nothing: a name can
// resolve to a public address when it is checked and to 127.0.0.1 when it is
// used. The [Guard] therefore decides inside the dialer, on the very address
// about to be connected to, once for each connection.
//
//	http  → DialContext    → resolve → Guard (scheme http)  → connect ───────→ pool of http
//	https → DialTLSContext → resolve → Guard (scheme https) → connect → TLS → pool of https
//
// What leaves is mostly small POST requests over HTTP/1.1. Package h1 makes those
// in the goroutine that asks for them, without the two goroutines that net/http
// has for each connection: in the pipe that saves about a sixth of all CPU time.
// Everything else, HTTP/2 above all, is net/http's. Both dial by the paths above.
//
// The rules of the guard, with the settings that change them ([Policy]):
//
//   - An address is reached only if it is public (--egress-deny takes some of
//     these), or lies in an allowed range (--egress-allow).
//   - A metadata service of a cloud is reached only if its very address is allowed.
//   - Plain http is spoken only to addresses in an allowed range (--egress-http:
//     to all that may be reached).
//   - All ports are open (--egress-ports: only these).
//
// With a proxy (--egress-proxy) there is no address to judge: the guard judges
// what the URL shows, and the proxy what the name resolves to. An allowed range then
// opens addresses and, if it has localhost's, localhost; plain http to a name needs
// --egress-http, whatever the name may resolve to. A number that others would take for
// an address, like 0x7f.1, is no name: it never goes to a proxy. No proxy is taken from
// the environment, no redirect is followed and no cookie kept.
//
// The transport picks the dial path by the scheme of the request, and its
// pools are keyed by scheme, host and port, so a plain connection opened by
// the first path never carries an https request, nor the reverse. Without the
// second path https would be dialed by the first, which refuses more.
//
// Who owns what: a transport owns its connections; its caller closes the idle
// ones. A guard is a value and never changes.
//
//	what fails                            → what happens
//	the address is refused                → [Denied], before a packet goes there; the host's other addresses are tried
//	the dialer reports no IP address      → [Denied]
//	the proxy does not connect            → [ProxyError]
//	resolving, connecting or TLS is slow  → the connection fails after Options.ConnectTimeout
//	the handshake or certificate is wrong → [HandshakeError]
//	the request's context ends            → the request ends at once, its dial within Options.ConnectTimeout
//	more than Options.MaxOpen are open    → those that no request uses are closed
//	an idle connection went silent        → HTTP/2 pings it and closes it; HTTP/1.1 fails one request
//
// What the guard cannot know: a network's own NAT64 prefix (RFC 6052 §2.2) or
// an ISATAP interface (RFC 5214) hides an IPv4 address inside an address that
// looks public. Such a network must filter at its gateway.
package egress
