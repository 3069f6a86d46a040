package retry_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/retry"
	"github.com/tidings-dev/tidings/schemas"
)

func TestRules(t *testing.T) {
	only200 := retry.Rules{Success: []int{200}}
	listed := retry.Rules{RetryOn: []int{429, 500, 503}, Exact: true, KeepGone: true}
	for name, tt := range map[string]struct {
		rules  retry.Rules
		result retry.Result
		kind   schemas.Kind
		reason schemas.Reason
		cause  schemas.Reason
	}{
		"success is what the rules say":    {only200, retry.Result{Status: 200}, schemas.Delivered, schemas.ReasonOK, schemas.ReasonOK},
		"another 2xx is not":               {only200, retry.Result{Status: 204}, schemas.Retry, schemas.ReasonResponse, schemas.ReasonResponse},
		"by default any 2xx is":            {listed, retry.Result{Status: 204}, schemas.Delivered, schemas.ReasonOK, schemas.ReasonOK},
		"410 disables":                     {only200, retry.Result{Status: 410}, schemas.Dead, schemas.ReasonGone, schemas.ReasonGone},
		"410 may be a failure like others": {retry.Rules{KeepGone: true}, retry.Result{Status: 410}, schemas.Retry, schemas.ReasonClientError, schemas.ReasonClientError},
		"a listed status is tried again":   {listed, retry.Result{Status: 503}, schemas.Retry, schemas.ReasonServerError, schemas.ReasonServerError},
		"another is final":                 {listed, retry.Result{Status: 501}, schemas.Dead, schemas.ReasonNotRetried, schemas.ReasonServerError},
		"a redirect too":                   {listed, retry.Result{Status: 302}, schemas.Dead, schemas.ReasonNotRetried, schemas.ReasonRedirect},
		"a 410 too":                        {listed, retry.Result{Status: 410}, schemas.Dead, schemas.ReasonNotRetried, schemas.ReasonClientError},
		"no answer is tried again":         {listed, retry.Result{Err: errors.New("x")}, schemas.Retry, schemas.ReasonResponse, schemas.ReasonResponse},
	} {
		p := still()
		p.Rules = tt.rules
		o := retry.Judge(tt.result, p)
		if o.Kind != tt.kind || o.Reason != tt.reason || o.Cause != tt.cause || o.Detail == "" {
			t.Errorf("%s: got %+v", name, o)
		}
	}
}

// TestExactRules keep to the schedule whatever chance and the receiver say.
func TestExactRules(t *testing.T) {
	for _, random := range []float64{0, 0.3, 1} {
		p := still()
		p.Rules, p.Random = retry.Rules{Exact: true}, random
		for _, status := range []int{429, 503} {
			o := retry.Judge(retry.Result{Status: status, RetryAfter: "7200"}, p)
			if o.Kind != schemas.Retry || o.After != time.Minute {
				t.Errorf("%d: got %+v, want a retry after a minute", status, o)
			}
		}
	}
}

func TestNoScheduleIsNotRetried(t *testing.T) {
	o := retry.Judge(retry.Result{Status: 500}, retry.Plan{Attempts: 1})
	if o.Kind != schemas.Dead || o.Reason != schemas.ReasonNotRetried || o.Cause != schemas.ReasonServerError {
		t.Errorf("got %+v, want dead, not_retried", o)
	}
}
