package schemas

import (
	"strconv"
	"strings"
	"time"
)

// Replay says of a delivery that it is made once more: it was delivered or dead, and
// somebody wants it again; or that it is made after all, though it never was on its way.
// Its attempts are counted anew, and its age begins when it was asked for. Both times
// are to the millisecond.
type Replay struct {
	Asked time.Time
	// After is the last attempt before it, or its death without one; the zero time of
	// what never was a delivery. Two who ask after the same attempt ask for the same. Who
	// asks for what never was one asks for what a subscription's history may make too.
	After time.Time
}

// header is the replay as a message carries it.
func (r Replay) header() string {
	return strconv.FormatInt(r.Asked.UnixMilli(), 10) + " " + r.token()
}

// token tells a replay from others of the delivery.
func (r Replay) token() string {
	if r.After.IsZero() {
		return "0"
	}
	return strconv.FormatInt(r.After.UnixMilli(), 10)
}

func readReplay(h Header) (*Replay, error) {
	text := first(h, headerReplay)
	if text == "" {
		return nil, nil
	}
	asked, token, _ := strings.Cut(text, " ")
	at, err := strconv.ParseInt(asked, 10, 64)
	after, afterErr := strconv.ParseInt(token, 10, 64)
	if err != nil || afterErr != nil || at < 0 || after < 0 {
		return nil, Errorf(CodeInvalid, "header %s is %q: want two times in milliseconds", headerReplay, text)
	}
	r := &Replay{Asked: time.UnixMilli(at).UTC()}
	if after > 0 {
		r.After = time.UnixMilli(after).UTC()
	}
	return r, nil
}
