package signing

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/ecmascript"
)

const (
	// HeaderRelayBoxSignature carries [RelayBoxSignature].
	HeaderRelayBoxSignature = "X-Relaybox-Webhook-Signature"
	// HeaderRelayBoxID names the webhook, not the delivery, and is not signed.
	HeaderRelayBoxID = "X-Relaybox-Webhook-Id"

	// relayBoxTolerance is the longer of the two that RelayBox's documentation
	// suggests.
	relayBoxTolerance = time.Minute
)

// RelayBoxSignature is the value of [HeaderRelayBoxSignature]: HMAC-SHA256, in
// lower-case hex, of the body's canonical form (RFC 8785) written as a JSON
// string. So it signs the value of the body, and a receiver parses the body
// first. The key is the text that RelayBox shows, as it is: it looks like hex but
// is not decoded.
//
// A body whose value has an object with a member "toJSON" other than null has
// another signature by RelayBox's own library: see package ecmascript.
//
// It returns a [schemas.Error] if the body is not JSON or the key is empty.
func RelayBoxSignature(key string, body []byte) (string, error) {
	if key == "" {
		return "", errEmptySecret()
	}
	canonical, err := ecmascript.Canonicalize(nil, body)
	if err != nil {
		return "", err
	}
	return hexMAC(sha256.New, key, ecmascript.AppendString(nil, string(canonical))), nil
}

func newRelayBox(secrets []string) (check, error) {
	if err := notEmpty(secrets); err != nil {
		return nil, err
	}
	return func(header http.Header, body []byte, c clock) error {
		given, err := single(header, HeaderRelayBoxSignature)
		if err != nil {
			return err
		}
		canonical, err := ecmascript.Canonicalize(nil, body)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrMalformedBody, err)
		}
		signed, found := ecmascript.AppendString(nil, string(canonical)), false
		for _, key := range secrets {
			found = hmac.Equal([]byte(given), []byte(hexMAC(sha256.New, key, signed))) || found
		}
		if !found {
			return noMatch(HeaderRelayBoxSignature)
		}
		if err := unambiguous(body); err != nil {
			return err
		}
		return relayBoxFresh(canonical, c)
	}, nil
}

// relayBoxFresh judges the time at which the payload says it was sent.
func relayBoxFresh(payload []byte, c clock) error {
	var members map[string]json.RawMessage // a struct would accept "Timestamp" too
	var stamp string
	if json.Unmarshal(payload, &members) != nil || json.Unmarshal(members["timestamp"], &stamp) != nil {
		return fmt.Errorf("%w: it has no member \"timestamp\" that is a string", ErrMalformedBody)
	}
	at, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return fmt.Errorf("%w: its timestamp is no time like 2024-10-22T13:15:08.913Z", ErrMalformedBody)
	}
	if late := c.now.Sub(at); late > c.tolerance || late < -c.tolerance {
		return fmt.Errorf("timestamp %s is more than %s from this clock, which reads %s: %w",
			stamp, c.tolerance, c.now.UTC().Format(time.RFC3339), ErrTimestamp)
	}
	return nil
}
