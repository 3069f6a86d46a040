package attempt

import (
	"encoding/binary"
	"io"
	"strings"

	"github.com/tidings-dev/tidings/schemas"
)

// Frames of HTTP/2 (RFC 9113, section 6), and a header block of ":status: 200"
// (RFC 7541, appendix A).
const (
	frameData, frameHeaders, frameReset, frameSettings, framePush, framePing, frameGoAway, frameWindow, frameMore = 0, 1, 3, 4, 5, 6, 7, 8, 9

	flagAck, flagEndStream, flagEndHeaders = 1, 1, 4

	status200 = "\x88"
)

func frame(kind, flags byte, stream uint32, payload string) string {
	b := make([]byte, 9, 9+len(payload))
	binary.BigEndian.PutUint32(b, uint32(len(payload))<<8|uint32(kind))
	b[4] = flags
	binary.BigEndian.PutUint32(b[5:], stream)
	return string(append(b, payload...))
}

func number(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }

// initialWindow is the setting of how much each stream may send at first.
func initialWindow(n uint32) string { return frame(frameSettings, 0, 0, "\x00\x04"+number(n)) }

// requestHTTP2 reads until the header of a stream came, or all of its request,
// and tells which stream; 0 at the connection's end.
func requestHTTP2(p *peer, whole bool) uint32 {
	for {
		var h [9]byte
		if _, err := io.ReadFull(p.in, h[:]); err != nil {
			return 0
		}
		size := int64(binary.BigEndian.Uint32(h[:]) >> 8)
		if _, err := io.CopyN(io.Discard, p.in, size); err != nil {
			return 0
		}
		kind, flags, stream := h[3], h[4], binary.BigEndian.Uint32(h[5:])
		switch {
		case kind == frameSettings && flags&flagAck == 0:
			p.say(frame(frameSettings, flagAck, 0, ""))
		case kind == frameHeaders && !whole, (kind == frameHeaders || kind == frameData) && flags&flagEndStream != 0:
			return stream
		}
	}
}

// preface is the client's, and our settings.
func prefaceHTTP2(p *peer, settings string) bool {
	_, err := io.CopyN(io.Discard, p.in, int64(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")))
	return err == nil && p.say(settings)
}

func politeHTTP2(p *peer) {
	if !prefaceHTTP2(p, frame(frameSettings, 0, 0, "")) {
		return
	}
	for stream := requestHTTP2(p, true); stream != 0; stream = requestHTTP2(p, true) {
		p.say(frame(frameHeaders, flagEndHeaders|flagEndStream, stream, status200))
	}
}

// onStream does something as soon as each request is there.
func onStream(do func(p *peer, stream uint32)) func(*peer) {
	return func(p *peer) {
		if !prefaceHTTP2(p, frame(frameSettings, 0, 0, "")) {
			return
		}
		for stream := requestHTTP2(p, true); stream != 0; stream = requestHTTP2(p, true) {
			do(p, stream)
		}
	}
}

// taking reads all that comes while it floods, so that the other side can answer.
func taking(flood func(*peer, uint32)) func(*peer) {
	return onStream(func(p *peer, stream uint32) {
		done := make(chan struct{})
		go func() { // ends with the connection
			defer close(done)
			p.hold()
		}()
		flood(p, stream)
		<-done
	})
}

func hostileHTTP2() []hostile {
	const good, late, bad, broke = schemas.ReasonOK, schemas.ReasonTimeout, schemas.ReasonResponse, schemas.ReasonReset
	response := func(stream uint32) string { return frame(frameHeaders, flagEndHeaders, stream, status200) }
	resetting := func(code uint32) func(*peer) {
		return onStream(func(p *peer, stream uint32) { p.say(frame(frameReset, 0, stream, number(code))) })
	}
	goAway := func(last, code uint32) func(*peer) {
		return onStream(func(p *peer, _ uint32) {
			p.say(frame(frameGoAway, 0, 0, number(last)+number(code)+"enough\x00\x1b[2J"))
			_ = p.Close()
		})
	}
	flood := func(more func(stream uint32) string) func(*peer, uint32) {
		return func(p *peer, stream uint32) { p.flood(more(stream)) }
	}
	floodHTTP2 := func(start, more func(stream uint32) string) func(*peer) {
		return onStream(func(p *peer, stream uint32) {
			if start == nil || p.say(start(stream)) {
				p.flood(more(stream))
			}
		})
	}
	// A field of 4,000 bytes that one byte repeats.
	big := "\x40\x01x\x7f\xa1\x1e" + strings.Repeat("y", 4000)
	return []hostile{
		{name: "silence", do: (*peer).hold, want: late},
		{name: "nothing after the settings", do: onStream(func(*peer, uint32) {}), want: late},
		{name: "no frames at all", do: func(p *peer) { prefaceHTTP2(p, strings.Repeat("\xff", 64)); p.hold() }, want: bad},
		{name: "answer in another version", do: func(p *peer) { prefaceHTTP2(p, ok200); p.hold() }, want: bad},
		{name: "rapid reset", do: resetting(2), want: broke},
		{name: "reset that is no error", do: resetting(0), want: broke},
		{name: "rapid refusal", do: resetting(7), want: late},
		{name: "reset within the body", want: broke, do: onStream(func(p *peer, stream uint32) {
			p.say(response(stream) + frame(frameData, 0, stream, "ok") + frame(frameReset, 0, stream, number(2)))
		})},
		{name: "no window", want: late, do: func(p *peer) {
			if prefaceHTTP2(p, initialWindow(0)) {
				_ = requestHTTP2(p, false)
				p.hold()
			}
		}},
		{name: "no window but signs of life", want: late, do: func(p *peer) {
			if prefaceHTTP2(p, initialWindow(0)) {
				_ = requestHTTP2(p, false)
				p.drip(frame(framePing, 0, 0, "12345678"))
			}
		}},
		{name: "window beyond numbers", want: bad, do: func(p *peer) {
			prefaceHTTP2(p, frame(frameSettings, 0, 0, "")+frame(frameWindow, 0, 0, number(1<<31-1)))
			p.hold()
		}},
		{name: "goaway", do: goAway(0, 0), want: late},
		{name: "goaway in anger", do: goAway(0, 11), want: broke},
		{name: "goaway after the request", do: goAway(1, 11), want: broke},
		{name: "close", do: onStream(func(p *peer, _ uint32) { _ = p.Close() }), want: broke},
		{name: "abrupt end", do: onStream(func(p *peer, _ uint32) { p.reset() }), want: broke},
		{name: "endless data", do: floodHTTP2(response, func(s uint32) string { return frame(frameData, 0, s, strings.Repeat("x", 16<<10)) }), want: good, flood: true},
		{name: "data of nothing for ever", do: floodHTTP2(response, func(s uint32) string { return frame(frameData, 0, s, "") }), want: bad, flood: true},
		{name: "data that is all padding", do: floodHTTP2(response, func(s uint32) string { return frame(frameData, 8, s, "\xff"+strings.Repeat("x", 255)) }), want: bad, flood: true},
		{name: "dripped data", want: late, do: onStream(func(p *peer, s uint32) {
			p.say(response(s))
			p.drip(frame(frameData, 0, s, "x"))
		})},
		{name: "headers that never end", do: floodHTTP2(
			func(s uint32) string { return frame(frameHeaders, 0, s, status200) },
			func(s uint32) string { return frame(frameMore, 0, s, strings.Repeat("\x00\x01x\x01y", 1000)) },
		), want: bad, flood: true},
		{name: "headers of nothing for ever", flood: true, do: floodHTTP2(
			func(s uint32) string { return frame(frameHeaders, 0, s, status200) },
			func(s uint32) string { return frame(frameMore, 0, s, "") },
		), want: bad},
		{name: "header bomb", want: bad, do: onStream(func(p *peer, s uint32) {
			p.say(frame(frameHeaders, flagEndHeaders|flagEndStream, s, status200+big+strings.Repeat("\xbe", 10000)))
		})},
		{name: "header garbage", want: bad, do: onStream(func(p *peer, s uint32) {
			p.say(frame(frameHeaders, flagEndHeaders, s, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"))
		})},
		{name: "flood of early hints", want: bad, flood: true, do: floodHTTP2(nil, func(s uint32) string { return frame(frameHeaders, flagEndHeaders, s, "\x08\x03103\x00\x01x\x04yyyy") })},
		{name: "flood of settings", want: bad, flood: true, do: taking(flood(func(uint32) string { return frame(frameSettings, 0, 0, "") }))},
		{name: "flood of settings whose answers are left", want: late, do: floodHTTP2(nil, func(uint32) string { return frame(frameSettings, 0, 0, "") })},
		{name: "flood of pings", want: bad, flood: true, do: taking(flood(func(uint32) string { return frame(framePing, 0, 0, "12345678") }))},
		{name: "flood of unknown frames", want: bad, flood: true, do: floodHTTP2(nil, func(uint32) string { return frame(0xbb, 0, 0, "x") })},
		{name: "push", want: bad, do: onStream(func(p *peer, s uint32) { p.say(frame(framePush, flagEndHeaders, s, number(2)+status200)) })},
		{name: "frame too large", want: bad, do: onStream(func(p *peer, s uint32) {
			p.say(response(s) + "\xff\xff\xff\x00\x00" + number(s))
			p.flood("x")
		})},
	}
}
