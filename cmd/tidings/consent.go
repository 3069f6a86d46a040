package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/tidings-dev/tidings/dispatcher"
	"github.com/tidings-dev/tidings/dispatcher/handshake"
	"github.com/tidings-dev/tidings/schemas"
)

// consentPath is where receivers consent later: consentPath + endpoint + "/" +
// token.
const consentPath = "/consents/"

// consentToken lets only those consent who were asked: it is made from the
// endpoint's newest secret and its URL.
func consentToken(e schemas.Endpoint) string {
	var key []byte
	if len(e.Secrets) > 0 {
		key = []byte(e.Secrets[0].Reveal())
	}
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte("consent\n" + string(e.ID) + "\n" + e.URL))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// callback is offered to receivers where they can reach this server.
func (a *app) callback() (dispatcher.Callback, error) {
	if a.settings.PublicURL == "" {
		return nil, nil
	}
	base, err := url.Parse(strings.TrimSuffix(a.settings.PublicURL, "/"))
	if err != nil || !base.IsAbs() || base.Host == "" {
		return nil, schemas.Errorf(schemas.CodeInvalid, "--public-url %q: write it like https://hooks.example.com", a.settings.PublicURL)
	}
	return func(e schemas.Endpoint) *url.URL {
		return base.JoinPath(consentPath, string(e.ID), consentToken(e))
	}, nil
}

// consents takes the consent of a receiver that was asked for it and answers
// later: a GET or POST of its callback URL.
func (a *app) consents() http.Handler {
	mux := http.NewServeMux()
	take := func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		e, err := a.registry.Endpoint(ctx, schemas.EndpointID(r.PathValue("endpoint")))
		known := err == nil && e.Handshake && len(e.Secrets) > 0
		if !known || !hmac.Equal([]byte(consentToken(e)), []byte(r.PathValue("token"))) {
			status := http.StatusNotFound
			if schemas.HasCode(err, schemas.CodeUnavailable) {
				status = http.StatusServiceUnavailable
			}
			http.Error(w, http.StatusText(status), status)
			return
		}
		asked := handshake.Request{Origin: a.settings.Origin, Rate: e.Policy.Rate.PerMinute()}
		given, err := handshake.ReadCallback(r.Header, asked)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := a.registry.Agree(ctx, e, schemas.Consent{Origin: asked.Origin, Rate: given.Rate}); err != nil {
			a.log.WarnContext(ctx, "consent not stored", "endpoint", e.ID, "error", err)
			http.Error(w, "the consent could not be stored: try again", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("Consent taken: deliveries to this endpoint begin.\n"))
	}
	mux.HandleFunc("GET "+consentPath+"{endpoint}/{token}", take)
	mux.HandleFunc("POST "+consentPath+"{endpoint}/{token}", take)
	return mux
}
