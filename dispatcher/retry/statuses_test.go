package retry_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/retry"
	"github.com/tidings-dev/tidings/schemas"
)

const (
	delivered = schemas.StatusDelivered
	again     = schemas.StatusRetry
	dead      = schemas.StatusDead
	disable   = schemas.StatusDisable
)

func TestStatuses(t *testing.T) {
	type says = map[string]schemas.StatusAction
	strict := retry.Rules{Success: []int{200}, RetryOn: []int{503}, KeepGone: true}
	for name, tt := range map[string]struct {
		rules  retry.Rules
		says   says
		status int
		kind   schemas.Kind
		reason schemas.Reason
		cause  schemas.Reason
		detail string
	}{
		"nothing said of it":          {retry.Rules{}, says{"404": dead, "5xx": dead}, 403, schemas.Retry, schemas.ReasonClientError, schemas.ReasonClientError, ""},
		"the status":                  {retry.Rules{}, says{"404": dead}, 404, schemas.Dead, schemas.ReasonNotRetried, schemas.ReasonClientError, "its endpoint does not retry"},
		"the class":                   {retry.Rules{}, says{"4xx": dead}, 404, schemas.Dead, schemas.ReasonNotRetried, schemas.ReasonClientError, "its endpoint does not retry"},
		"the status before the class": {retry.Rules{}, says{"404": delivered, "4xx": dead}, 404, schemas.Delivered, schemas.ReasonOK, schemas.ReasonOK, "takes for success"},
		"both before the dialect":     {strict, says{"5xx": again}, 500, schemas.Retry, schemas.ReasonServerError, schemas.ReasonServerError, ""},
		"a final status retried":      {strict, says{"404": again}, 404, schemas.Retry, schemas.ReasonClientError, schemas.ReasonClientError, ""},
		"a retried status final":      {strict, says{"503": dead}, 503, schemas.Dead, schemas.ReasonNotRetried, schemas.ReasonServerError, ""},
		"success retried":             {retry.Rules{}, says{"202": again}, 202, schemas.Retry, schemas.ReasonResponse, schemas.ReasonResponse, "does not take for success"},
		"success dead":                {retry.Rules{}, says{"2xx": dead}, 200, schemas.Dead, schemas.ReasonNotRetried, schemas.ReasonResponse, "does not take for success"},
		"success disables":            {retry.Rules{}, says{"299": disable}, 299, schemas.Dead, schemas.ReasonStatusDisables, schemas.ReasonResponse, "disables its endpoint"},
		"success stays":               {retry.Rules{}, says{"2xx": delivered}, 201, schemas.Delivered, schemas.ReasonOK, schemas.ReasonOK, "201 Created"},
		"another success":             {strict, says{"2xx": delivered}, 204, schemas.Delivered, schemas.ReasonOK, schemas.ReasonOK, "takes for success"},
		"another success retried":     {strict, says{"204": again}, 204, schemas.Retry, schemas.ReasonResponse, schemas.ReasonResponse, ""},
		"a redirect delivered":        {retry.Rules{}, says{"3xx": delivered}, 302, schemas.Delivered, schemas.ReasonOK, schemas.ReasonOK, "302 Found"},
		"a redirect dead":             {retry.Rules{}, says{"302": dead}, 302, schemas.Dead, schemas.ReasonNotRetried, schemas.ReasonRedirect, ""},
		"410 retried":                 {retry.Rules{}, says{"410": again}, 410, schemas.Retry, schemas.ReasonClientError, schemas.ReasonClientError, ""},
		"410 dead, and no more":       {retry.Rules{}, says{"4xx": dead}, 410, schemas.Dead, schemas.ReasonNotRetried, schemas.ReasonClientError, ""},
		"410 delivered":               {retry.Rules{}, says{"410": delivered}, 410, schemas.Delivered, schemas.ReasonOK, schemas.ReasonOK, ""},
		"410 disables as ever":        {strict, says{"410": disable}, 410, schemas.Dead, schemas.ReasonGone, schemas.ReasonGone, ""},
		"another status disables":     {retry.Rules{}, says{"404": disable}, 404, schemas.Dead, schemas.ReasonStatusDisables, schemas.ReasonClientError, "disables its endpoint"},
		"500 disables":                {retry.Rules{}, says{"5xx": disable}, 500, schemas.Dead, schemas.ReasonStatusDisables, schemas.ReasonServerError, ""},
		"no final status":             {retry.Rules{}, says{"1xx": dead}, 99, schemas.Retry, schemas.ReasonResponse, schemas.ReasonResponse, ""},
		"no answer":                   {retry.Rules{}, says{"2xx": dead, "5xx": dead, "0": dead}, 0, schemas.Retry, schemas.ReasonResponse, schemas.ReasonResponse, ""},
	} {
		p := still()
		p.Rules = tt.rules
		p.Rules.Statuses = tt.says
		result := retry.Result{Status: tt.status}
		if tt.status == 0 {
			result.Err = errors.New("x")
		}
		o := retry.Judge(result, p)
		if o.Kind != tt.kind || o.Reason != tt.reason || o.Cause != tt.cause || !strings.Contains(o.Detail, tt.detail) {
			t.Errorf("%s: got %+v", name, o)
		}
		if (o.Kind == schemas.Retry) != (o.After == time.Minute) {
			t.Errorf("%s: after %s", name, o.After)
		}
	}
}

// An endpoint that has a 429 or a 503 retried waits as it was asked to, and one
// that has another status retried does not.
func TestStatusesAndRetryAfter(t *testing.T) {
	for status, want := range map[int]time.Duration{429: 2 * time.Hour, 503: 2 * time.Hour, 502: time.Minute, 200: time.Minute} {
		p := still()
		p.Random = 0
		p.Rules.Statuses = map[string]schemas.StatusAction{"2xx": again, "4xx": again, "5xx": again}
		if want == time.Minute {
			want = retry.Jitter(want, 0)
		}
		if o := retry.Judge(retry.Result{Status: status, RetryAfter: "7200"}, p); o.Kind != schemas.Retry || o.After != want {
			t.Errorf("%d: got %+v, want a retry after %s", status, o, want)
		}
		p.Rules.Statuses = map[string]schemas.StatusAction{"2xx": dead, "4xx": dead, "5xx": dead}
		if o := retry.Judge(retry.Result{Status: status, RetryAfter: "7200"}, p); o.Kind != schemas.Dead || o.After != 0 {
			t.Errorf("%d: got %+v, want it dead", status, o)
		}
	}
}

func TestUntil(t *testing.T) {
	for name, tt := range map[string]struct {
		left, least time.Duration // left 0 is no limit
		status      int
		header      string
		attempts    int
		reason      schemas.Reason
	}{
		"no limit":                  {0, 0, 500, "", 1, schemas.ReasonServerError},
		"just in time":              {time.Minute, 0, 500, "", 1, schemas.ReasonServerError},
		"too late":                  {time.Minute - 1, 0, 500, "", 1, schemas.ReasonTooOld},
		"over already":              {-time.Hour, 0, 500, "", 1, schemas.ReasonTooOld},
		"asked to come too late":    {time.Hour, 0, 429, "7200", 1, schemas.ReasonTooOld},
		"asked to come in time":     {3 * time.Hour, 0, 429, "7200", 1, schemas.ReasonThrottled},
		"told to come too late":     {time.Hour, 2 * time.Hour, 500, "", 1, schemas.ReasonTooOld},
		"told to come in time":      {3 * time.Hour, 2 * time.Hour, 500, "", 1, schemas.ReasonServerError},
		"the schedule ends anyway":  {time.Minute, 0, 500, "", 3, schemas.ReasonExhausted},
		"delivered late is as good": {-time.Hour, 0, 200, "", 1, schemas.ReasonOK},
	} {
		p := still()
		p.Attempts, p.Least = tt.attempts, tt.least
		if tt.left != 0 {
			p.Until = p.Now.Add(tt.left)
		}
		o := retry.Judge(retry.Result{Status: tt.status, RetryAfter: tt.header}, p)
		if o.Reason != tt.reason || o.Kind == schemas.Retry && o.After < tt.least {
			t.Errorf("%s: got %+v, want %s", name, o, tt.reason)
		}
		if o.Reason == schemas.ReasonTooOld && (o.Kind != schemas.Dead || o.After != 0 || o.Cause == o.Reason || !strings.Contains(o.Detail, "max_age")) {
			t.Errorf("%s: got %+v, want it dead, with its cause", name, o)
		}
		if again := p.Again(schemas.ReasonNoConsent, "x"); again.Kind == schemas.Retry != (again.Reason == schemas.ReasonNoConsent) {
			t.Errorf("%s: again is %+v", name, again)
		}
	}
}

func FuzzStatuses(f *testing.F) {
	f.Add("404", "dead", "4xx", "delivered", 404, int64(0), "")
	f.Add("2xx", "retry", "200", "disable", 200, int64(1), "7")
	f.Add("", "retry", "xx", "retry", -100, int64(-5), "x")
	f.Fuzz(func(t *testing.T, a, does, b, too string, status int, left int64, header string) {
		says := map[string]schemas.StatusAction{a: schemas.StatusAction(does), b: schemas.StatusAction(too)}
		if (schemas.Endpoint{
			ID: "ep_a", Tenant: "t", URL: "https://x.test", Secrets: []schemas.Secret{schemas.NewSecret("x")},
			Policy: schemas.Policy{Statuses: says},
		}).Validate() != nil {
			return
		}
		for _, rules := range []retry.Rules{{}, {Success: []int{200}}, {RetryOn: []int{503}, KeepGone: true, Exact: true}} {
			p := still()
			p.Rules = rules
			plain := retry.Judge(retry.Result{Status: status, RetryAfter: header}, p)
			p.Rules.Statuses = says
			if left != 0 {
				p.Until = p.Now.Add(time.Duration(left))
			}
			o := retry.Judge(retry.Result{Status: status, RetryAfter: header}, p)
			if problem := wrong(retry.Result{Status: status, RetryAfter: header}, p, o); problem != "" {
				t.Fatalf("%s: %+v", problem, o)
			}
			action := said(says, status)
			if action == "" && left == 0 && o != plain || !follows(action, status, o) {
				t.Fatalf("%d: said %q, and it is %+v; else %+v", status, action, o, plain)
			}
		}
	})
}

// follows reports whether a verdict is what the action says.
func follows(action schemas.StatusAction, status int, o schemas.Outcome) bool {
	switch action {
	case delivered:
		return o.Kind == schemas.Delivered
	case again:
		return o.Kind == schemas.Retry || o.Reason == schemas.ReasonTooOld
	case dead:
		return o.Reason == schemas.ReasonNotRetried
	case disable:
		return o.Reason == schemas.ReasonStatusDisables || status == 410 && o.Reason == schemas.ReasonGone
	}
	return true
}

// said looks for what is said of a status in the slow and plain way.
func said(says map[string]schemas.StatusAction, status int) schemas.StatusAction {
	var of schemas.StatusAction
	for key, action := range says {
		switch class, isClass := strings.CutSuffix(key, "xx"); {
		case isClass && class == string(rune('0'+status/100)) && status >= 200 && status <= 599:
			if of == "" {
				of = action
			}
		case key == string([]rune{rune('0' + status/100), rune('0' + status/10%10), rune('0' + status%10)}) && status >= 200 && status <= 599:
			return action
		}
	}
	return of
}
