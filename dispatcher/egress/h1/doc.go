// Package h1 makes small POST requests over HTTP/1.1 in the goroutine that asks
// for them. net/http needs two goroutines more for each connection and wakes
// both for each request; for a webhook of 1 KiB that is a third of the client's
// CPU time. Requests are written and responses are parsed by net/http
// (Request.Write, ReadResponse): this package adds when to do so, and what
// becomes of the connection.
//
//	POST, at most 16 KiB, http ─────────────────────→ pool or Dial → write → read ─→ pool
//	the same, https to a host that answered HTTP/1.1 ↗                            ↘ close
//	HTTP/2, https to a host not yet known, the rest → Fallback
//
// Who owns what: a connection belongs to one request, from the pool to the end
// of the response's body, and then to the pool again or to nobody. Only a
// connection with nothing left to read goes back, and one that has something to
// read, or its end, when it is taken out is closed instead. A request's context
// ends its dial, and closes its connection, until the body was read or closed.
//
// The guarantee: a request of which a byte may have left is not sent again.
//
//	what fails                                → what happens
//	the dial                                  → its error
//	a pooled connection takes no byte         → the next connection
//	the write, after the first byte           → the response if one is there, else the error
//	the connection, before the response's end → the error; an ended context's cause instead
//	a header, with 1xx responses, is too long → [ErrHeaderTooLong]
//	the context ends                          → its cause
package h1
