package retry_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tidings-dev/tidings/dispatcher/retry"
	"github.com/tidings-dev/tidings/schemas"
)

// still is a plan without jitter, after the first of three attempts.
func still() retry.Plan {
	return retry.Plan{Schedule: retry.Schedule{time.Minute, time.Hour}, Attempts: 1, Now: clock, Random: 0.5}
}

// statuses is what each status means by itself, without Retry-After.
var statuses = []struct {
	from, to int
	kind     schemas.Kind
	reason   schemas.Reason
}{
	{-1, 199, schemas.Retry, schemas.ReasonResponse}, // none, odd, 1xx
	{200, 299, schemas.Delivered, schemas.ReasonOK},
	{300, 399, schemas.Retry, schemas.ReasonRedirect},
	{400, 409, schemas.Retry, schemas.ReasonClientError},
	{410, 410, schemas.Dead, schemas.ReasonGone},
	{411, 428, schemas.Retry, schemas.ReasonClientError},
	{429, 429, schemas.Retry, schemas.ReasonThrottled},
	{430, 499, schemas.Retry, schemas.ReasonClientError},
	{500, 599, schemas.Retry, schemas.ReasonServerError},
	{600, 1000, schemas.Retry, schemas.ReasonResponse},
}

func TestJudgeEveryStatus(t *testing.T) {
	for _, row := range statuses {
		for status := row.from; status <= row.to; status++ {
			o := retry.Judge(retry.Result{Status: status}, still())
			if o.Kind != row.kind || o.Reason != row.reason || o.Cause != row.reason {
				t.Errorf("%d: got %s %s, want %s %s", status, o.Kind, o.Reason, row.kind, row.reason)
			}
			want := time.Minute
			if row.kind != schemas.Retry {
				want = 0
			}
			if o.After != want {
				t.Errorf("%d: got after %s, want %s", status, o.After, want)
			}
			if !strings.Contains(o.Detail, fmt.Sprint(status)) {
				t.Errorf("%d: the detail does not name it: %q", status, o.Detail)
			}

			// At the end of the schedule a retry dies, and nothing else changes.
			last := still()
			last.Attempts = 3
			end := retry.Judge(retry.Result{Status: status}, last)
			switch {
			case row.kind != schemas.Retry:
				if end != o {
					t.Errorf("%d at the end: got %+v, want %+v", status, end, o)
				}
			case end.Kind != schemas.Dead, end.Reason != schemas.ReasonExhausted, end.After != 0, end.Cause != row.reason,
				!strings.Contains(end.Detail, string(row.reason)), !strings.Contains(end.Detail, fmt.Sprint(status)):
				t.Errorf("%d at the end: got %+v", status, end)
			}
		}
	}
}

// TestJudgeRetryAfter asks with a 429 unless the row says otherwise.
func TestJudgeRetryAfter(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		header string
		random float64
		bound  time.Duration
		reason schemas.Reason
		want   time.Duration
	}{
		"429 without":               {429, "", 0, 0, schemas.ReasonThrottled, 54 * time.Second},
		"429 with rubbish":          {429, "soon", 0, 0, schemas.ReasonThrottled, 54 * time.Second},
		"429, no jitter":            {429, "120", 0, 0, schemas.ReasonThrottled, 2 * time.Minute},
		"429, half the jitter":      {429, "120", 0.5, 0, schemas.ReasonThrottled, 126 * time.Second},
		"429, all the jitter":       {429, "120", 1, 0, schemas.ReasonThrottled, 132 * time.Second},
		"429, a date":               {429, "Sun, 06 Nov 1994 08:51:07 GMT", 0, 0, schemas.ReasonThrottled, 2 * time.Minute},
		"429, a date in the past":   {429, "Sun, 06 Nov 1994 08:00:00 GMT", 0.5, 0, schemas.ReasonThrottled, time.Minute},
		"429, now":                  {429, "0", 0.5, 0, schemas.ReasonThrottled, time.Minute},
		"429, sooner than planned":  {429, "10", 1, 0, schemas.ReasonThrottled, 66 * time.Second},
		"429, about when planned":   {429, "59", 0, 0, schemas.ReasonThrottled, 59 * time.Second},
		"429, at the default bound": {429, "86400", 1, 0, schemas.ReasonThrottled, 24 * time.Hour},
		"429, past it":              {429, "86401", 0, 0, schemas.ReasonThrottled, 24 * time.Hour},
		"429, jitter up to it":      {429, "86000", 1, 0, schemas.ReasonThrottled, 24 * time.Hour},
		"429, without end":          {429, strings.Repeat("9", 40), 0, 0, schemas.ReasonThrottled, 24 * time.Hour},
		"429, a bound of its own":   {429, "3600", 0, 10 * time.Minute, schemas.ReasonThrottled, 10 * time.Minute},
		"429, a negative bound":     {429, "3600", 0, -1, schemas.ReasonThrottled, time.Hour},
		"429, bound below the plan": {429, "3600", 0.5, time.Second, schemas.ReasonThrottled, time.Minute},
		"503 without":               {503, "", 0.5, 0, schemas.ReasonServerError, time.Minute},
		"503 with rubbish":          {503, "-5", 0.5, 0, schemas.ReasonServerError, time.Minute},
		"503":                       {503, "120", 0, 0, schemas.ReasonThrottled, 2 * time.Minute},
		"503, now":                  {503, "0", 0.5, 0, schemas.ReasonThrottled, time.Minute},
		"302 is not asked":          {302, "3600", 0.5, 0, schemas.ReasonRedirect, time.Minute},
		"400 is not asked":          {400, "3600", 0.5, 0, schemas.ReasonClientError, time.Minute},
		"502 is not asked":          {502, "3600", 0.5, 0, schemas.ReasonServerError, time.Minute},
	} {
		p := still()
		p.Random, p.MaxRetryAfter = tt.random, tt.bound
		o := retry.Judge(retry.Result{Status: tt.status, RetryAfter: tt.header}, p)
		if o.Kind != schemas.Retry || o.Reason != tt.reason || o.After != tt.want {
			t.Errorf("%s: got %+v, want retry %s after %s", name, o, tt.reason, tt.want)
		}
	}
}

func TestJudgeDetail(t *testing.T) {
	long := errors.New(strings.Repeat("ö", 300))
	for _, tt := range []struct {
		result   retry.Result
		attempts int
		want     string
	}{
		{retry.Result{Status: 204}, 1, "the receiver answered 204 No Content"},
		{retry.Result{Status: 299}, 1, "the receiver answered 299"},
		{retry.Result{Status: 301}, 1, "the receiver answered 301 Moved Permanently: redirects are not followed, so change the endpoint's URL"},
		{retry.Result{Status: 410}, 1, "the receiver answered 410 Gone: it wants no more deliveries"},
		{
			retry.Result{Status: 429, RetryAfter: "90"},
			1,
			"the receiver answered 429 Too Many Requests and asked to be left alone for 1m30s",
		},
		{
			retry.Result{Status: 503, RetryAfter: "99999999999999999999"},
			1,
			"the receiver answered 503 Service Unavailable and asked to be left alone for longer than the 24h0m0s it can have",
		},
		{retry.Result{Status: 502, RetryAfter: "90"}, 1, "the receiver answered 502 Bad Gateway"},
		{
			retry.Result{Status: 500},
			3,
			"gave up after 3 attempts; the last ended with server_error: the receiver answered 500 Internal Server Error",
		},
		{retry.Result{Err: errors.New("a\r\n\x1b[31mb\xff")}, 1, "no valid HTTP response: a [31mb�"},
		{retry.Result{Err: long}, 1, "no valid HTTP response: " + strings.Repeat("ö", 86) + "…"},
	} {
		p := still()
		p.Attempts = tt.attempts
		if o := retry.Judge(tt.result, p); o.Detail != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.result, o.Detail, tt.want)
		}
	}
	once := retry.Judge(retry.Result{Status: 500}, retry.Plan{})
	if want := "not retried, as the endpoint has no schedule; "; once.Reason != schemas.ReasonNotRetried || !strings.HasPrefix(once.Detail, want) {
		t.Errorf("no schedule: got %+v, want %q…", once, want)
	}
}

// TestJudgeProperties judges random attempts under random plans.
func TestJudgeProperties(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	headers := []string{"", "0", "1", "3600", "99999999999", "-7", "later", "Fri, 31 Dec 9999 23:59:59 GMT"}
	errs := []error{nil, nil, nil, io.EOF, errors.New("x")}
	delay := func() time.Duration { return time.Duration(rng.Uint64()) >> rng.IntN(64) } // of any size and sign
	for range 10_000 {
		r := retry.Result{Status: rng.IntN(700), RetryAfter: headers[rng.IntN(len(headers))], Err: errs[rng.IntN(len(errs))]}
		p := retry.Plan{
			Attempts: rng.IntN(5) - 1, Random: rng.Float64()*1.2 - 0.1, MaxRetryAfter: delay(),
			Now: time.Unix(rng.Int64N(1<<33), rng.Int64N(1e9)),
		}
		if rng.IntN(50) == 0 {
			p.Random = math.NaN()
		}
		for range rng.IntN(4) {
			p.Schedule = append(p.Schedule, delay())
		}
		if problem := wrong(r, p, retry.Judge(r, p)); problem != "" {
			t.Fatalf("%s: %+v %+v: got %+v", problem, r, p, retry.Judge(r, p))
		}
	}
}

// wrong says which rule that holds for every attempt a verdict breaks.
func wrong(r retry.Result, p retry.Plan, o schemas.Outcome) string {
	switch {
	case o.After < 0:
		return "negative wait"
	case o.Detail == "" || len(o.Detail) > schemas.MaxDetail || !utf8.ValidString(o.Detail):
		return "unfit detail"
	case o.Kind == schemas.Retry:
		return wrongRetry(r, p, o)
	case o.After != 0:
		return "a wait without a retry"
	}
	return ""
}

func wrongRetry(r retry.Result, p retry.Plan, o schemas.Outcome) string {
	bound := p.MaxRetryAfter
	if bound <= 0 {
		bound = retry.DefaultMaxRetryAfter
	}
	planned, more := p.Schedule.Next(max(p.Attempts, 1))
	asked, _ := retry.After(r.RetryAfter, p.Now)
	switch {
	case !more:
		return "a retry past the schedule"
	case o.After < retry.Jitter(planned, 0):
		return "sooner than scheduled"
	case o.Reason == schemas.ReasonThrottled && o.After < min(asked, bound):
		return "sooner than asked"
	case o.After > max(retry.Jitter(planned, 1), bound):
		return "later than both the schedule and the bound"
	}
	return ""
}
