package dialect

import (
	"net/http"
	"strings"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/retry"
	"github.com/tidings-dev/tidings/schemas"
)

// roam is the Roam HQ Events API, v0.
//
// The body is the event's data as it is; only On-Air events say their name, in
// a member "type". Headers and signature are those of Standard Webhooks, with
// the API client's secret, which all of its endpoints share. An attempt may take
// 3 s and is not repeated: a delivery that fails dies as not_retried, and can be
// replayed by hand.
func roam() Dialect {
	return Dialect{
		Timeout: 3 * time.Second,
		Rules:   retry.Rules{KeepGone: true},
		Writer: func(e schemas.Endpoint) (Writer, error) {
			for i, s := range e.Secrets {
				if strings.HasPrefix(s.Reveal(), "whsk_") {
					return nil, schemas.Errorf(schemas.CodeInvalid, "secrets[%d]: Roam's receivers know v1 signatures only: use a secret that begins with \"whsec_\"", i)
				}
			}
			keys, err := parseKeys(e)
			return roamWriter{keys}, err
		},
	}
}

type roamWriter struct{ keys webhookKeys }

func (roamWriter) Body(a Attempt) ([]byte, error) {
	data, _, err := worded(a)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(a.Words.Name, "onair.") {
		data = append(object{}.text("type", a.Words.Name), data.without("type")...)
	}
	return data.bytes(), nil
}

func (w roamWriter) Head(h http.Header, a Attempt, body []byte) {
	h.Set("Content-Type", mediaJSON)
	w.keys.sign(h, a, body)
}
