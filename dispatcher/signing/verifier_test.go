package signing_test

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

// system is one dialect as its receivers meet it.
type system struct {
	dialect        schemas.Dialect
	secret, older  string
	header         string // that carries the proof
	prove          func(t testing.TB, secret string, body []byte) string
	tolerance      time.Duration // 0 if nothing tells a replay
	unsigned       bool          // the proof does not depend on the body
	signsTheValue  bool          // of the body, not its bytes
	secretsAreText bool          // any will do
}

var (
	systemAt   = time.Date(2025, 1, 5, 10, 0, 0, 500_000_000, time.UTC)
	systemBody = []byte(`{"id":"1","event":"room:join","data":{"n":1.50,"t":"<é>"},"session":null,"timestamp":"2025-01-05T10:00:00.500Z"}`)
)

const (
	systemID   = "dlv_1"
	olderText  = "the old key"
	newerText  = "21d45d1d4dff46f13cd4478ba08395d9"
	olderWhsec = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	newerWhsec = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
)

func systems() []system {
	webhooks := func(d schemas.Dialect) system {
		return system{
			dialect: d, secret: newerWhsec, older: olderWhsec, header: signing.HeaderSignature, tolerance: 5 * time.Minute,
			prove: func(t testing.TB, secret string, body []byte) string {
				return mustKey(t, secret).Sign(systemID, systemAt, body)
			},
		}
	}
	return []system{
		webhooks(schemas.DialectStandard), webhooks(schemas.DialectCloudEvents), webhooks(schemas.DialectRoam),
		{
			dialect: schemas.DialectRelayBox, secret: newerText, older: olderText, header: signing.HeaderRelayBoxSignature,
			tolerance: time.Minute, signsTheValue: true, secretsAreText: true,
			prove: func(t testing.TB, secret string, body []byte) string {
				signature, err := signing.RelayBoxSignature(secret, body)
				if err != nil {
					t.Fatal(err)
				}
				return signature
			},
		},
		{
			dialect: schemas.DialectOneRoute, secret: newerText, older: olderText, header: signing.HeaderOneRoute,
			signsTheValue: true, secretsAreText: true,
			prove: func(_ testing.TB, secret string, body []byte) string {
				return signing.OneRouteSignature(secret, []byte(strings.Replace(string(body), "1.50", "1.5", 1))) // as JavaScript writes it
			},
		},
		{
			dialect: schemas.DialectROQ, secret: newerText, older: olderText, header: signing.HeaderROQ,
			unsigned: true, secretsAreText: true,
			prove: func(_ testing.TB, secret string, _ []byte) string { return secret },
		},
	}
}

// request is what a sender adds to a delivery of systemBody.
func (s system) request(t testing.TB, secret string) http.Header {
	h := http.Header{}
	h.Set("Content-Type", "application/json")
	if !s.secretsAreText {
		h.Set(signing.HeaderID, systemID)
		h.Set(signing.HeaderTimestamp, signing.Timestamp(systemAt))
	}
	h.Set(s.header, s.prove(t, secret, systemBody))
	return h
}

func mustVerifier(t testing.TB, d schemas.Dialect, secrets ...string) *signing.Verifier {
	t.Helper()
	v, err := signing.NewVerifier(d, secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestVerifier holds every dialect to the same table.
func TestVerifier(t *testing.T) {
	for _, s := range systems() {
		t.Run(string(s.dialect), func(t *testing.T) {
			changedBody := signing.ErrSignature
			if s.unsigned {
				changedBody = nil
			}
			body := string(systemBody)
			for name, tt := range map[string]struct {
				secrets []string
				change  func(http.Header)
				body    string
				want    error
			}{
				"in order":            {want: nil},
				"rotation, newest":    {secrets: []string{s.secret, s.older}},
				"rotation, older":     {secrets: []string{s.older, s.secret}},
				"another secret":      {secrets: []string{s.older}, want: signing.ErrSignature},
				"no proof":            {change: func(h http.Header) { h.Del(s.header) }, want: signing.ErrMissingHeader},
				"empty proof":         {change: func(h http.Header) { h.Set(s.header, "") }, want: signing.ErrMissingHeader},
				"two proofs":          {change: func(h http.Header) { h.Add(s.header, h.Get(s.header)) }, want: signing.ErrMalformedHeader},
				"proof cut short":     {change: func(h http.Header) { h.Set(s.header, h.Get(s.header)[:9]) }, want: signing.ErrSignature},
				"proof and more":      {change: func(h http.Header) { h.Set(s.header, h.Get(s.header)+"0") }, want: signing.ErrSignature},
				"proof in capitals":   {change: func(h http.Header) { h.Set(s.header, strings.ToUpper(h.Get(s.header))) }, want: signing.ErrSignature},
				"no header at all":    {change: func(h http.Header) { clear(h) }, want: signing.ErrMissingHeader},
				"a value changed":     {body: strings.Replace(body, "1.50", "1.51", 1), want: changedBody},
				"a member more":       {body: strings.Replace(body, "{", `{"x":1,`, 1), want: changedBody},
				"another body":        {body: `{"id":"2"}`, want: changedBody},
				"a string for number": {body: strings.Replace(body, "1.50", `"1.5"`, 1), want: changedBody},
			} {
				if tt.secrets == nil {
					tt.secrets = []string{s.secret}
				}
				if tt.body == "" {
					tt.body = body
				}
				h := s.request(t, s.secret)
				if tt.change != nil {
					tt.change(h)
				}
				err := mustVerifier(t, s.dialect, tt.secrets...).Verify(h, []byte(tt.body), systemAt)
				if got := verdict(t, err); !errors.Is(got, tt.want) {
					t.Errorf("%s: got %v, want %v", name, err, tt.want)
				}
				for _, secret := range []string{s.secret, s.older, s.prove(t, s.secret, systemBody)} {
					if err != nil && strings.Contains(err.Error(), secret) {
						t.Errorf("%s: the error tells a secret or the signature: %v", name, err)
					}
				}
			}
		})
	}
}

// TestVerifierFormatting holds that a body may be formatted anew exactly where
// its value is signed, and that whoever reads it reads what was signed.
func TestVerifierFormatting(t *testing.T) {
	body := string(systemBody)
	for name, tt := range map[string]struct {
		body  string
		wants map[schemas.Dialect]error // of those that sign the value
	}{
		"white space":       {" " + strings.ReplaceAll(body, ",", " ,\n\t"), nil},
		"another escape":    {strings.Replace(body, "<é>", `\u003c\u00E9\u003e`, 1), nil},
		"another number":    {strings.Replace(body, "1.50", "15e-1", 1), nil},
		"another order":     {`{"event":"room:join",` + strings.Replace(body[1:], `"event":"room:join",`, "", 1), map[schemas.Dialect]error{schemas.DialectOneRoute: signing.ErrSignature}},
		"a name twice":      {strings.Replace(body, `"session"`, `"session":{"admin":true},"session"`, 1), both(signing.ErrMalformedBody)},
		"a name twice deep": {strings.Replace(body, `"n"`, `"n":9,"\u006e"`, 1), both(signing.ErrMalformedBody)},
		"number too large":  {strings.Replace(body, `"session":null`, `"session":-1e999`, 1), both(signing.ErrMalformedBody)},
		"not JSON":          {body[1:], both(signing.ErrMalformedBody)},
		"empty":             {"", both(signing.ErrMalformedBody)},
		"more than one":     {body + body, both(signing.ErrMalformedBody)},
	} {
		for _, s := range systems() {
			want := signing.ErrSignature
			switch {
			case s.unsigned:
				want = nil
			case s.signsTheValue:
				want = tt.wants[s.dialect]
			}
			err := mustVerifier(t, s.dialect, s.secret).Verify(s.request(t, s.secret), []byte(tt.body), systemAt)
			if got := verdict(t, err); !errors.Is(got, want) {
				t.Errorf("%s, %s: got %v, want %v", s.dialect, name, err, want)
			}
		}
	}
}

func both(err error) map[schemas.Dialect]error {
	return map[schemas.Dialect]error{schemas.DialectRelayBox: err, schemas.DialectOneRoute: err}
}

// TestVerifierRefusesInvalidUTF8: JavaScript reads a byte that is no UTF-8 as
// U+FFFD, others do not read it.
func TestVerifierRefusesInvalidUTF8(t *testing.T) {
	body, signed := []byte("{\"a\":\"\xff\"}"), []byte("{\"a\":\"\ufffd\"}")
	h := http.Header{signing.HeaderOneRoute: {signing.OneRouteSignature("k", signed)}}
	v := mustVerifier(t, schemas.DialectOneRoute, "k")
	if err := v.Verify(h, signed, systemAt); err != nil {
		t.Error(err)
	}
	if err := v.Verify(h, body, systemAt); !errors.Is(err, signing.ErrMalformedBody) {
		t.Errorf("got %v, want ErrMalformedBody", err)
	}
}

func TestVerifierTolerance(t *testing.T) {
	const second = time.Second
	for _, s := range systems() {
		verifiers := map[time.Duration]*signing.Verifier{s.tolerance: mustVerifier(t, s.dialect, s.secret)}
		for _, set := range []time.Duration{second, 24 * time.Hour} {
			v := mustVerifier(t, s.dialect, s.secret)
			v.Tolerance = set
			verifiers[set] = v
		}
		for tolerance, v := range verifiers {
			for _, tt := range []struct {
				late time.Duration
				in   bool
			}{
				{0, true},
				{tolerance, true},
				{-tolerance, true},
				{tolerance + second, false},
				{-tolerance - second, false},
				{200 * 365 * 24 * time.Hour, false},
				{-200 * 365 * 24 * time.Hour, false},
			} {
				want := signing.ErrTimestamp
				if tt.in || s.tolerance == 0 {
					want = nil
				}
				err := v.Verify(s.request(t, s.secret), systemBody, systemAt.Add(tt.late))
				if got := verdict(t, err); !errors.Is(got, want) {
					t.Errorf("%s, tolerance %s, %s late: got %v, want %v", s.dialect, tolerance, tt.late, err, want)
				}
			}
		}
		if s.tolerance == 0 {
			continue
		}
		v := mustVerifier(t, s.dialect, s.secret)
		for _, now := range []time.Time{{}, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)} {
			if err := v.Verify(s.request(t, s.secret), systemBody, now); !errors.Is(err, signing.ErrTimestamp) {
				t.Errorf("%s at %s: got %v, want ErrTimestamp", s.dialect, now, err)
			}
		}
		v.Tolerance = -time.Second
		if err := v.Verify(s.request(t, s.secret), systemBody, systemAt); !errors.Is(err, signing.ErrTimestamp) {
			t.Errorf("%s with a negative tolerance: got %v, want ErrTimestamp", s.dialect, err)
		}
	}
}

func TestNewVerifierRefuses(t *testing.T) {
	if _, err := signing.NewVerifier("morse", newerText); !schemas.HasCode(err, schemas.CodeInvalid) {
		t.Errorf("unknown dialect: got %v", err)
	}
	for _, s := range systems() {
		if v, err := signing.NewVerifier(s.dialect); !errors.Is(err, signing.ErrNoKey) || v != nil {
			t.Errorf("%s without a secret: got %v, want ErrNoKey", s.dialect, err)
		}
		for _, secrets := range [][]string{{""}, {s.secret, ""}, {"", s.secret}} {
			if v, err := signing.NewVerifier(s.dialect, secrets...); !schemas.HasCode(err, schemas.CodeInvalid) || v != nil {
				t.Errorf("%s with an empty secret: got %v, want an invalid-error", s.dialect, err)
			}
		}
		_, err := signing.NewVerifier(s.dialect, s.secret, "no base64!")
		if s.secretsAreText != (err == nil) {
			t.Errorf("%s with a text: got %v", s.dialect, err)
		}
	}
	if err := (&signing.Verifier{}).Verify(http.Header{}, nil, systemAt); !errors.Is(err, signing.ErrNoKey) {
		t.Errorf("zero Verifier: got %v, want ErrNoKey", err)
	}
	systems := systems()
	if err := mustVerifier(t, "", systems[0].secret).Verify(systems[0].request(t, systems[0].secret), systemBody, systemAt); err != nil {
		t.Errorf("the empty dialect: %v", err)
	}
	_, public := signing.NewKeyPair()
	mustVerifier(t, schemas.DialectStandard, public)
}

// TestVerifierHandler sends requests through a handler. It knows only the time of
// the machine, so ROQ, which has no timestamp, shows the way a request takes.
func TestVerifierHandler(t *testing.T) {
	const secret = "the-key"
	v := mustVerifier(t, schemas.DialectROQ, secret)
	v.MaxBody = 100
	var got []string
	handler := v.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.ContentLength != int64(len(body)) {
			t.Errorf("read %d bytes of %d, %v", len(body), r.ContentLength, err)
		}
		got = append(got, string(body))
		w.WriteHeader(http.StatusNoContent)
	}))
	for name, tt := range map[string]struct {
		key, body string
		status    int
		says      string
	}{
		"in order":   {secret, strings.Repeat("x", 100), 204, ""},
		"empty":      {secret, "", 204, ""},
		"too large":  {secret, strings.Repeat("x", 101), 413, "The body has more than 100 bytes.\n"},
		"no key":     {"", "x", 401, "This request is not verified: missing webhook header.\n"},
		"wrong key":  {"the-kez", "x", 401, "This request is not verified: no matching webhook signature.\n"},
		"large, too": {"the-kez", strings.Repeat("x", 101), 413, "The body has more than 100 bytes.\n"},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", struct{ io.Reader }{strings.NewReader(tt.body)}) // of unknown length
		if tt.key != "" {
			r.Header.Set(signing.HeaderROQ, tt.key)
		}
		w := httptest.NewRecorder()
		got = nil
		handler.ServeHTTP(w, r)
		if w.Code != tt.status || w.Body.String() != tt.says {
			t.Errorf("%s: got %d %q, want %d %q", name, w.Code, w.Body, tt.status, tt.says)
		}
		if passed := tt.status == 204; passed != slices.Equal(got, []string{tt.body}) || !passed && got != nil {
			t.Errorf("%s: passed on %q", name, got)
		}
	}

	r := httptest.NewRequest(http.MethodPost, "/", io.MultiReader(strings.NewReader("x"), broken{}))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest {
		t.Errorf("a broken body: got %d %q", w.Code, w.Body)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestVerifierHandlerFreshness: the handler judges by the machine's clock, and
// reads a mebibyte at most.
func TestVerifierHandlerFreshness(t *testing.T) {
	key := mustKey(t, newerWhsec)
	handler := mustVerifier(t, schemas.DialectStandard, newerWhsec).Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for _, tt := range []struct {
		at     time.Time
		body   []byte
		status int
	}{
		{time.Now(), []byte("{}"), 200},
		{time.Now().Add(-time.Hour), []byte("{}"), 401},
		{time.Now(), make([]byte, signing.MaxBody), 200},
		{time.Now(), make([]byte, signing.MaxBody+1), 413},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(tt.body)))
		maps.Copy(r.Header, headers("dlv_1", tt.at, tt.body, key))
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != tt.status || strings.Contains(w.Body.String(), "v1,") {
			t.Errorf("got %d %q, want %d", w.Code, w.Body, tt.status)
		}
	}
}
