package handshake

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// Ask makes the request and reads its answer. The transport is the egress
// guard's, which also bounds the size of the answer's header; ctx sets the
// deadline. An endpoint that may still consent through its callback is an
// [ErrNoConsent] until it does. An error of the transport is returned as it is.
func Ask(ctx context.Context, transport http.RoundTripper, r Request) (Consent, error) {
	if err := r.Validate(); err != nil {
		return Consent{}, err
	}
	request := &http.Request{
		Method:     http.MethodOptions,
		URL:        r.URL,
		Host:       r.URL.Host,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     r.header(),
	}
	answer, err := transport.RoundTrip(request.WithContext(ctx))
	if err != nil {
		return Consent{}, err
	}
	_ = answer.Body.Close() // unread: it means nothing, and may never end
	consent, err := ReadConsent(answer.Header, r)
	if err != nil {
		status := strings.TrimSpace(fmt.Sprintf("%d %s", answer.StatusCode, http.StatusText(answer.StatusCode)))
		return Consent{}, fmt.Errorf("OPTIONS met %s: %w", status, err)
	}
	return consent, nil
}
