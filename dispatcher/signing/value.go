package signing

import (
	"bytes"
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"unicode/utf8"
)

// What the dialects share that sign the value of a body, under a key that is any
// text.

func errEmptySecret() error { return invalid("it is empty: use the one the sender shows") }

func notEmpty(secrets []string) error {
	if slices.Contains(secrets, "") {
		return errEmptySecret()
	}
	return nil
}

func hexMAC(hash func() hash.Hash, key string, text []byte) string {
	m := hmac.New(hash, []byte(key))
	m.Write(text)
	return hex.EncodeToString(m.Sum(nil))
}

// unambiguous refuses a body that has the value which was signed only as
// JavaScript reads it. Where an object names a member twice JavaScript takes the
// last, and a Go struct is filled from both: a stranger could slip in what the
// signature does not cover. No JavaScript sender writes such a body.
func unambiguous(body []byte) error {
	if !utf8.Valid(body) {
		return fmt.Errorf("%w: it is not UTF-8", ErrMalformedBody)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	return unambiguousValue(d)
}

// unambiguousValue reads one value. The body is JSON, and nested as deep as
// package ecmascript allows.
func unambiguousValue(d *json.Decoder) error {
	token, err := d.Token()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMalformedBody, err)
	}
	if n, ok := token.(json.Number); ok {
		if _, err := strconv.ParseFloat(n.String(), 64); err != nil {
			return fmt.Errorf("%w: a number in it is too large", ErrMalformedBody)
		}
	}
	opening, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	seen := map[string]bool{}
	for d.More() {
		if opening == '{' {
			token, err := d.Token()
			if err != nil {
				return fmt.Errorf("%w: %w", ErrMalformedBody, err)
			}
			name := token.(string) // what else is a name
			if seen[name] {
				return fmt.Errorf("%w: an object in it has the member %q twice", ErrMalformedBody, name)
			}
			seen[name] = true
		}
		if err := unambiguousValue(d); err != nil {
			return err
		}
	}
	_, err = d.Token() // closes it
	return err
}
