package signing_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/signing"
)

// closedSet is every error that Verify and a Verifier may wrap.
var closedSet = []error{
	signing.ErrNoKey, signing.ErrMissingHeader, signing.ErrMalformedHeader, signing.ErrTimestamp, signing.ErrSignature,
	signing.ErrMalformedBody,
}

// verdict is the one error of the closed set that err wraps; nil for nil.
func verdict(t *testing.T, err error) error {
	t.Helper()
	var found []error
	for _, known := range closedSet {
		if errors.Is(err, known) {
			found = append(found, known)
		}
	}
	switch {
	case err == nil:
		return nil
	case len(found) != 1:
		t.Fatalf("%v wraps %d errors of the closed set, want 1", err, len(found))
	}
	return found[0]
}

const verifyID = "dlv_1"

var (
	verifyAt   = time.Unix(1_700_000_000, 0)
	verifyBody = []byte(`{"type":"user.created"}`)
)

// TestVerifyHeaders changes one thing about an attempt that is in order.
func TestVerifyHeaders(t *testing.T) {
	key, other := mustKey(t, signing.NewSecret()), mustKey(t, signing.NewSecret())
	signature := key.Sign(verifyID, verifyAt, verifyBody)
	foreign := other.Sign(verifyID, verifyAt, verifyBody)
	set := func(name, value string) func(http.Header) {
		return func(h http.Header) { h.Set(name, value) }
	}
	remove := func(name string) func(http.Header) { return func(h http.Header) { h.Del(name) } }
	again := func(name string) func(http.Header) {
		return func(h http.Header) { h.Add(name, h.Get(name)) }
	}
	stamped := func(value string) func(http.Header) { return set(signing.HeaderTimestamp, value) }
	signed := func(value string) func(http.Header) { return set(signing.HeaderSignature, value) }

	for name, tt := range map[string]struct {
		change func(http.Header)
		want   error
	}{
		"in order":                {func(http.Header) {}, nil},
		"no header at all":        {func(h http.Header) { clear(h) }, signing.ErrMissingHeader},
		"no id":                   {remove(signing.HeaderID), signing.ErrMissingHeader},
		"no timestamp":            {remove(signing.HeaderTimestamp), signing.ErrMissingHeader},
		"no signature":            {remove(signing.HeaderSignature), signing.ErrMissingHeader},
		"empty id":                {set(signing.HeaderID, ""), signing.ErrMissingHeader},
		"empty timestamp":         {stamped(""), signing.ErrMissingHeader},
		"empty signature":         {signed(""), signing.ErrMissingHeader},
		"id twice":                {again(signing.HeaderID), signing.ErrMalformedHeader},
		"timestamp twice":         {again(signing.HeaderTimestamp), signing.ErrMalformedHeader},
		"signature twice":         {again(signing.HeaderSignature), signing.ErrMalformedHeader},
		"id with a dot":           {set(signing.HeaderID, "dlv_1.2"), signing.ErrMalformedHeader},
		"another id":              {set(signing.HeaderID, "dlv_2"), signing.ErrSignature},
		"timestamp in words":      {stamped("now"), signing.ErrMalformedHeader},
		"timestamp as a fraction": {stamped("1700000000.5"), signing.ErrMalformedHeader},
		"timestamp with a sign":   {stamped("+1700000000"), signing.ErrMalformedHeader},
		"timestamp with a zero":   {stamped("01700000000"), signing.ErrMalformedHeader},
		"timestamp with a space":  {stamped(" 1700000000"), signing.ErrMalformedHeader},
		"timestamp overflows":     {stamped("9223372036854775808"), signing.ErrMalformedHeader},
		"timestamp in the end":    {stamped("9223372036854775807"), signing.ErrTimestamp},
		"timestamp in the start":  {stamped("-9223372036854775808"), signing.ErrTimestamp},
		"timestamp in millis":     {stamped("1700000000000"), signing.ErrTimestamp},
		"another timestamp":       {stamped("1700000001"), signing.ErrSignature},
		"a foreign signature":     {signed(foreign), signing.ErrSignature},
		"ours second":             {signed(foreign + " " + signature), nil},
		"ours first":              {signed(signature + " " + foreign), nil},
		"after unknown versions":  {signed("v1a,AAAA v2,AAAA rubbish , " + signature), nil},
		"two spaces":              {signed(foreign + "  " + signature), nil},
		"unknown version":         {signed("v2" + strings.TrimPrefix(signature, "v1")), signing.ErrSignature},
		"ed25519 version":         {signed("v1a" + strings.TrimPrefix(signature, "v1")), signing.ErrSignature},
		"no version":              {signed(strings.TrimPrefix(signature, "v1,")), signing.ErrSignature},
		"version alone":           {signed("v1,"), signing.ErrSignature},
		"comma between":           {signed(foreign + "," + signature), signing.ErrSignature},
		"cut short":               {signed(signature[:len(signature)-1]), signing.ErrSignature},
		"one more":                {signed(signature + "="), signing.ErrSignature},
		"spaces only":             {signed("   "), signing.ErrSignature},
		"64 signatures":           {signed(strings.Repeat("v1,AAAA ", 63) + signature), nil},
		"65 signatures":           {signed(strings.Repeat("v1,AAAA ", 64) + signature), signing.ErrMalformedHeader},
	} {
		t.Run(name, func(t *testing.T) {
			h := headers(verifyID, verifyAt, verifyBody, key)
			tt.change(h)
			err := signing.Verify(h, verifyBody, verifyAt, key)
			if got := verdict(t, err); !errors.Is(got, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestVerifyKeys(t *testing.T) {
	key, other := mustKey(t, signing.NewSecret()), mustKey(t, signing.NewSecret())
	for name, tt := range map[string]struct {
		keys []signing.Key
		want error
	}{
		"none":               {nil, signing.ErrNoKey},
		"a zero Key":         {[]signing.Key{{}}, signing.ErrNoKey},
		"another":            {[]signing.Key{other}, signing.ErrSignature},
		"a zero and another": {[]signing.Key{{}, other}, signing.ErrSignature},
		"second":             {[]signing.Key{other, key}, nil},
		"after a zero":       {[]signing.Key{{}, key}, nil},
	} {
		err := signing.Verify(headers(verifyID, verifyAt, verifyBody, key), verifyBody, verifyAt, tt.keys...)
		if got := verdict(t, err); !errors.Is(got, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
	}
}

func TestVerifyBody(t *testing.T) {
	key := mustKey(t, signing.NewSecret())
	h := headers(verifyID, verifyAt, verifyBody, key)
	for _, body := range []string{"", `{"type":"user.created"} `, `{"type": "user.created"}`, `{"type":"user.deleted"}`} {
		if err := signing.Verify(h, []byte(body), verifyAt, key); !errors.Is(err, signing.ErrSignature) {
			t.Errorf("body %q: got %v, want ErrSignature", body, err)
		}
	}
}

func TestVerifyTolerance(t *testing.T) {
	key := mustKey(t, signing.NewSecret())
	h := headers(verifyID, verifyAt, verifyBody, key)
	for _, tt := range []struct {
		late time.Duration
		want error
	}{
		{0, nil},
		{signing.Tolerance, nil},
		{signing.Tolerance + 999*time.Millisecond, nil},
		{signing.Tolerance + time.Second, signing.ErrTimestamp},
		{-signing.Tolerance, nil},
		{-signing.Tolerance - time.Millisecond, signing.ErrTimestamp},
		{-signing.Tolerance - time.Second, signing.ErrTimestamp},
		{24 * time.Hour, signing.ErrTimestamp},
	} {
		err := signing.Verify(h, verifyBody, verifyAt.Add(tt.late), key)
		if got := verdict(t, err); !errors.Is(got, tt.want) {
			t.Errorf("%s late: got %v, want %v", tt.late, err, tt.want)
		}
	}
	if err := signing.Verify(h, verifyBody, time.Time{}, key); !errors.Is(err, signing.ErrTimestamp) {
		t.Errorf("zero clock: got %v, want ErrTimestamp", err)
	}
}
