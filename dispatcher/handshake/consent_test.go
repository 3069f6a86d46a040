package handshake_test

import (
	"errors"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/dispatcher/handshake"
	"github.com/tidings-dev/tidings/schemas"
)

const (
	origin  = "webhooks.example.com"
	origins = "WebHook-Allowed-Origin"
	rates   = "WebHook-Allowed-Rate"
)

// headers are name, value, name, value.
func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

// What an answer may say of the origin, beside a rate that is right.
func TestConsentToOrigin(t *testing.T) {
	for value, consent := range map[string]bool{
		origin:                             true,
		"*":                                true,
		"WebHooks.EXAMPLE.com":             true,
		" \t" + origin + " \t":             true,
		" * ":                              true,
		"":                                 false,
		" ":                                false,
		"**":                               false,
		"*.example.com":                    false,
		"example.com":                      false,
		origin + ".":                       false,
		origin + ".evil.example":           false,
		"evil-" + origin:                   false,
		"https://" + origin:                false,
		origin + ":443":                    false,
		`"` + origin + `"`:                 false,
		origin + ", " + origin:             false,
		origin + ",other.example":          false,
		"other.example," + origin:          false,
		"other.example *":                  false,
		"*, " + origin:                     false,
		"null":                             false,
		"true":                             false,
		"webhoo\u212as.example.com":        false, // the Kelvin sign folds to k
		"webhook\u017f.example.com":        false, // the long s folds to s
		"\u00a0" + origin:                  false,
		strings.Repeat("a", 60_000):        false,
		"webhooks.example.com\x00":         false,
		"webhooks.example.org":             false,
		"webhooks\u3002example\u3002com":   false,
		"xn--webhooks.example.com":         false,
		"webhooks.example.com; rate=1":     false,
		"webhooks.example.com (a comment)": false,
	} {
		for name, read := range map[string]func(http.Header, handshake.Request) (handshake.Consent, error){
			"answer": handshake.ReadConsent, "callback": handshake.ReadCallback,
		} {
			_, err := read(headers(origins, value, rates, "*"), handshake.Request{Origin: origin, Rate: 60})
			if consent && err != nil || !consent && !errors.Is(err, handshake.ErrNoConsent) {
				t.Errorf("%s with %.60q: %v", name, value, err)
			}
			if err != nil && len(err.Error()) > 700 {
				t.Errorf("%s with %.60q: the sentence has %d bytes", name, value, len(err.Error()))
			}
		}
	}
}

// What an answer may say of the rate, beside an origin that is right.
func TestConsentToRate(t *testing.T) {
	const none = -1
	for value, want := range map[string]int{
		"*":                             0,
		" * ":                           0,
		"1":                             1,
		"60":                            60,
		"120":                           120,
		" \t120\t ":                     120,
		"007":                           7,
		"9223372036854775807":           math.MaxInt64,
		"9223372036854775808":           math.MaxInt64,
		strings.Repeat("9", 1000):       math.MaxInt64,
		"00000000000000000000000000012": 12,
		"0":                             none,
		"000":                           none,
		"-1":                            none,
		"-0":                            none,
		"+5":                            none,
		"":                              none,
		" ":                             none,
		"1.5":                           none,
		"1e3":                           none,
		"0x10":                          none,
		"1_000":                         none,
		"1 000":                         none,
		"1,000":                         none,
		"60, 120":                       none,
		"**":                            none,
		"*, 60":                         none,
		"100/min":                       none,
		"unlimited":                     none,
		"١٢":                            none,
		"120\u00a0":                     none,
		strings.Repeat("x", 60_000):     none,
	} {
		for _, asked := range []int{0, 60} {
			for name, read := range map[string]func(http.Header, handshake.Request) (handshake.Consent, error){
				"answer": handshake.ReadConsent, "callback": handshake.ReadCallback,
			} {
				got, err := read(headers(origins, origin, rates, value), handshake.Request{Origin: origin, Rate: asked})
				switch {
				case want == none && !errors.Is(err, handshake.ErrNoConsent):
					t.Errorf("%s with %.40q, asked %d: got %+v, %v; want no consent", name, value, asked, got, err)
				case want != none && (err != nil || got.Rate != want):
					t.Errorf("%s with %.40q, asked %d: got %+v, %v; want %d", name, value, asked, got, err, want)
				}
			}
		}
	}
}

// What may be missing, or there more than once; and what the owner is told.
func TestConsentSentences(t *testing.T) {
	const no = "the endpoint did not consent to deliveries: "
	for name, row := range map[string]struct {
		asked            int
		header           http.Header
		answer, callback string // empty: consent
	}{
		"nothing": {
			60, headers("Allow", "OPTIONS, POST", "Access-Control-Allow-Origin", "*"),
			no + `its answer to OPTIONS has no WebHook-Allowed-Origin: let it answer "webhooks.example.com", or "*"`, "",
		},
		"a rate alone": {
			60, headers(rates, "60"),
			no + `its answer to OPTIONS has no WebHook-Allowed-Origin: let it answer "webhooks.example.com", or "*"`, "",
		},
		"no rate": {
			60, headers(origins, "*"),
			no + `its answer to OPTIONS has no WebHook-Allowed-Rate, though it was asked for 60 requests per minute: let it answer a number, or "*"`, "",
		},
		"no rate, none asked": {0, headers(origins, origin), "", ""},
		"two origins": {
			0, headers(origins, origin, origins, "other.example"),
			no + `its WebHook-Allowed-Origin has several values: let it answer "webhooks.example.com" alone, or "*"`,
			no + `its WebHook-Allowed-Origin has several values: let it answer "webhooks.example.com" alone, or "*"`,
		},
		"a list of origins": {
			0, headers(origins, "other.example, "+origin),
			no + `its WebHook-Allowed-Origin has several values: let it answer "webhooks.example.com" alone, or "*"`,
			no + `its WebHook-Allowed-Origin has several values: let it answer "webhooks.example.com" alone, or "*"`,
		},
		"another's origin": {
			0, headers(origins, "other.example"),
			no + `its WebHook-Allowed-Origin is "other.example": let it answer "webhooks.example.com", or "*"`,
			no + `its WebHook-Allowed-Origin is "other.example": let it answer "webhooks.example.com", or "*"`,
		},
		"two rates": {
			0, headers(origins, "*", rates, "60", rates, "60"),
			no + `its WebHook-Allowed-Rate has several values: let it answer one number, or "*"`,
			no + `its WebHook-Allowed-Rate has several values: let it answer one number, or "*"`,
		},
		"rate 0": {
			0, headers(origins, "*", rates, "0"),
			no + `its WebHook-Allowed-Rate is "0": let it answer a whole number from 1, in requests per minute, or "*"`,
			no + `its WebHook-Allowed-Rate is "0": let it answer a whole number from 1, in requests per minute, or "*"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := handshake.Request{Origin: origin, Rate: row.asked}
			_, err := handshake.ReadConsent(row.header, r)
			checkSentence(t, "answer", err, row.answer)
			_, err = handshake.ReadCallback(row.header, r)
			checkSentence(t, "callback", err, row.callback)
		})
	}
}

func checkSentence(t *testing.T, what string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v; want consent", what, err)
	case want != "" && (err == nil || err.Error() != want || !errors.Is(err, handshake.ErrNoConsent)):
		t.Errorf("%s: got  %v\nwant %s", what, err, want)
	}
}

func TestCallbackWithoutARateGrantsWhatWasAsked(t *testing.T) {
	for _, asked := range []int{0, 60} {
		got, err := handshake.ReadCallback(http.Header{}, handshake.Request{Origin: origin, Rate: asked})
		if err != nil || got.Rate != asked {
			t.Errorf("asked for %d: got %+v, %v", asked, got, err)
		}
	}
}

func TestValidate(t *testing.T) {
	address := func(raw string) *url.URL {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	good := func(change func(*handshake.Request)) handshake.Request {
		r := handshake.Request{URL: address("https://example.com/hooks?a=b"), Origin: origin, Callback: address("https://example.com/c?key=k"), Rate: 60}
		change(&r)
		return r
	}
	for name, row := range map[string]struct {
		change func(*handshake.Request)
		want   string // in the message; empty: valid
	}{
		"all":                   {func(*handshake.Request) {}, ""},
		"no callback":           {func(r *handshake.Request) { r.Callback = nil }, ""},
		"no rate":               {func(r *handshake.Request) { r.Rate = 0 }, ""},
		"one label, upper case": {func(r *handshake.Request) { r.Origin = "Tidings_1" }, ""},
		"no url":                {func(r *handshake.Request) { r.URL = nil }, "endpoint's url"},
		"relative url":          {func(r *handshake.Request) { r.URL = address("/hooks") }, "endpoint's url"},
		"url without a host":    {func(r *handshake.Request) { r.URL = address("https:///hooks") }, "endpoint's url"},
		"no web url":            {func(r *handshake.Request) { r.URL = address("ftp://example.com/") }, "endpoint's url"},
		"no origin":             {func(r *handshake.Request) { r.Origin = "" }, "origin"},
		"origin is a url":       {func(r *handshake.Request) { r.Origin = "https://example.com" }, "origin"},
		"origin is everyone":    {func(r *handshake.Request) { r.Origin = "*" }, "origin"},
		"origin is a list":      {func(r *handshake.Request) { r.Origin = "a.example,b.example" }, "origin"},
		"origin breaks the line": {
			func(r *handshake.Request) { r.Origin = "a.example\r\nX: y" }, "origin",
		},
		"origin in letters of no DNS": {func(r *handshake.Request) { r.Origin = "größe.example" }, "origin"},
		"origin is long":              {func(r *handshake.Request) { r.Origin = strings.Repeat("a", 254) }, "origin"},
		"relative callback":           {func(r *handshake.Request) { r.Callback = address("/c?key=k") }, "callback"},
		"negative rate":               {func(r *handshake.Request) { r.Rate = -1 }, "rate -1"},
	} {
		t.Run(name, func(t *testing.T) {
			err := good(row.change).Validate()
			switch {
			case row.want == "" && err != nil:
				t.Error(err)
			case row.want != "" && (!schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), row.want)):
				t.Errorf("got %v, want it to name %q", err, row.want)
			case err != nil && strings.Contains(err.Error(), "key=k"):
				t.Errorf("%v tells the callback's secret", err)
			}
		})
	}
}

// FuzzReadConsent holds that whatever an answer says, it is consent to our
// origin at a rate that is not negative, or an ErrNoConsent.
func FuzzReadConsent(f *testing.F) {
	f.Add(origin, "60", 60)
	f.Add("*", "*", 0)
	f.Add("WEBHOOKS.example.com ", "99999999999999999999", 1)
	f.Add("a, b", "-1", 0)
	f.Fuzz(func(t *testing.T, allowed, rate string, asked int) {
		r := handshake.Request{Origin: origin, Rate: max(asked, 0)}
		h := headers(origins, allowed, rates, rate)
		got, err := handshake.ReadConsent(h, r)
		if again, callbackErr := handshake.ReadCallback(h, r); again != got || (err == nil) != (callbackErr == nil) {
			t.Errorf("the answer is %+v, %v; the callback is %+v, %v", got, err, again, callbackErr)
		}
		if err != nil {
			if !errors.Is(err, handshake.ErrNoConsent) || got != (handshake.Consent{}) {
				t.Errorf("got %+v, %v", got, err)
			}
			return
		}
		name := strings.Trim(allowed, " \t")
		if got.Rate < 0 || name != "*" && strings.ToLower(name) != origin {
			t.Errorf("origin %q, rate %q: got %+v", allowed, rate, got)
		}
	})
}
