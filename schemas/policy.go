package schemas

import (
	"cmp"
	"slices"
	"time"
)

// Policy is how an endpoint wants its attempts made. The zero value of each
// field asks for the default.
type Policy struct {
	// Timeout covers one attempt: connecting, request, response headers and
	// body. Its dialect's by default, 15s for most; at most [MaxTimeout].
	Timeout Duration `json:"timeout,omitempty"`
	// Retry lists the delays before the 2nd, 3rd, … attempt. Nil means the
	// schedule of its dialect; an empty list means one attempt only.
	Retry []Duration `json:"retry,omitzero"`
	// Concurrency is the most attempts that may be under way at once: the window,
	// which grows on success and shrinks on failure, grows up to it. 32 by default,
	// at most [MaxConcurrency].
	Concurrency int `json:"concurrency,omitempty"`
	// Rate is how many attempts there may be in a time; a receiver's [Consent]
	// may lower it. No limit by default.
	Rate Rate `json:"rate,omitzero"`
	// Burst is how many attempts may be made at once when Rate, which it needs,
	// allows them after a quiet time. 1 by default, at most [MaxBurst].
	Burst int `json:"burst,omitempty"`
	// MaxAge is how long after its event was stored a delivery may still be
	// attempted. No limit by default.
	MaxAge Duration `json:"max_age,omitempty"`
	// MaxPayload is the most data of an event that the endpoint takes, in bytes;
	// deliveries of more die as [ReasonTooLarge]. No limit of its own by default,
	// at most [MaxPayload].
	MaxPayload int `json:"max_payload,omitempty"`
	// Order says whether deliveries may overtake one another. They may by default.
	Order Order `json:"order,omitempty"`
	// OrderKey narrows [OrderFIFO] to deliveries that have the same value of this
	// CloudEvents attribute, like "partitionkey"; those that lack it count as of
	// one value. One that is retried delays those of its own value only. Empty
	// orders all.
	OrderKey string `json:"order_key,omitempty"`
	// Backlog says what comes first once deliveries wait. In order by default.
	Backlog Backlog `json:"backlog,omitempty"`
	// MaxHeld is how many deliveries may wait in the endpoint's own queue; new ones
	// beyond it die as [ReasonQueueFull]. [DefaultMaxHeld] by default, at most
	// [MaxHeld].
	MaxHeld int `json:"max_held,omitempty"`
	// Breaker stops attempts to a receiver that fails, until a probe succeeds. By
	// default it is the dialect's: see [Policy.BreakerOn].
	Breaker Switch `json:"breaker,omitempty"`
	// AutoDisable disables an endpoint, as [ReasonFailing], that has done nothing
	// but fail for DisableAfter. On by default.
	AutoDisable Switch `json:"auto_disable,omitempty"`
	// DisableAfter is [DefaultDisableAfter] by default, and [MinDisableAfter] to
	// [MaxDisableAfter].
	DisableAfter Duration `json:"disable_after,omitempty"`
	// Statuses say what a status of the receiver means, by status ("404") or
	// class ("4xx"), in place of what its dialect says. The status counts before
	// its class.
	Statuses map[string]StatusAction `json:"statuses,omitempty"`
	// Trace sends each attempt's W3C traceparent along, as a header, so that the
	// receiver's spans belong to its trace. By default no receiver is told.
	Trace bool `json:"trace,omitempty"`
}

// Order says whether the deliveries of an endpoint may overtake one another.
type Order string

const (
	OrderNone Order = ""     // best effort: a retry comes after what is newer
	OrderFIFO Order = "fifo" // strictly as fanout stored them: one at a time, and none while one is retried
)

// Backlog says what comes first at an endpoint whose deliveries wait. Empty
// means [BacklogInOrder].
type Backlog string

const (
	BacklogInOrder   Backlog = "in_order"   // what waits is delivered before what is new
	BacklogLiveFirst Backlog = "live_first" // what is new is attempted at once, beside what waits
)

// Switch turns something on or off; empty leaves it as it is by default.
type Switch string

const (
	SwitchOn  Switch = "on"
	SwitchOff Switch = "off"
)

// StatusAction is what a receiver's status means.
type StatusAction string

const (
	StatusDelivered StatusAction = "delivered" // it took the delivery
	StatusRetry     StatusAction = "retry"     // try again as the schedule says
	StatusDead      StatusAction = "dead"      // give this delivery up
	StatusDisable   StatusAction = "disable"   // give it up, and disable the endpoint as a 410 does
)

// Bounds of a [Policy].
const (
	MaxTimeout      = 5 * time.Minute
	MaxRetryDelay   = 7 * 24 * time.Hour
	MaxRetries      = 100
	MaxConcurrency  = 1000
	MaxBurst        = 10_000
	MaxAge          = 30 * 24 * time.Hour
	MaxPayload      = 64 << 20 // bytes
	MaxOrderKey     = 255      // bytes
	MaxHeld         = 10_000_000
	MinDisableAfter = time.Hour
	MaxDisableAfter = 90 * 24 * time.Hour
)

// Defaults of a [Policy] that are the same in every dialect.
const (
	DefaultMaxHeld      = 1_000_000
	DefaultDisableAfter = 5 * 24 * time.Hour
)

// BreakerOn reports whether the breaker of an endpoint in a dialect works. By
// default it does in the open dialects; the documents of the others fix every
// attempt.
func (p Policy) BreakerOn(d Dialect) bool {
	return p.Breaker == SwitchOn || p.Breaker == "" && d.Open()
}

// DisablesAfter is after how long of nothing but failure an endpoint is
// disabled; 0 is never.
func (p Policy) DisablesAfter() time.Duration {
	if p.AutoDisable == SwitchOff {
		return 0
	}
	return cmp.Or(p.DisableAfter.Std(), DefaultDisableAfter)
}

// validate names the field that is wrong.
func (p Policy) validate() error {
	for _, check := range []func() error{p.validateAttempts, p.validateLimits, p.validateOrder, p.validateFailure} {
		if err := check(); err != nil {
			return Errorf(CodeInvalid, "policy.%w", err)
		}
	}
	return nil
}

// validatePull refuses what would have no effect on an endpoint that is pulled from:
// who pulls decides when, how fast, and what failed.
func (p Policy) validatePull() error {
	for _, limit := range []struct {
		name string
		set  bool
	}{
		{"timeout", p.Timeout != 0},
		{"concurrency", p.Concurrency != 0},
		{"rate", !p.Rate.IsZero()},
		{"burst", p.Burst != 0},
		{"backlog", p.Backlog != ""},
		{"breaker", p.Breaker != ""},
		{"auto_disable", p.AutoDisable != ""},
		{"disable_after", p.DisableAfter != 0},
		{"statuses", len(p.Statuses) > 0},
		{"trace", p.Trace},
	} {
		if limit.set {
			return Errorf(CodeInvalid, "policy.%s has no effect on an endpoint that is pulled from: leave it out", limit.name)
		}
	}
	return nil
}

func (p Policy) validateAttempts() error {
	if t := p.Timeout.Std(); t < 0 || t > MaxTimeout {
		return Errorf(CodeInvalid, "timeout %s: use more than 0 and at most %s", t, MaxTimeout)
	}
	if len(p.Retry) > MaxRetries {
		return Errorf(CodeInvalid, "retry has %d delays: use at most %d", len(p.Retry), MaxRetries)
	}
	for i, d := range p.Retry {
		if d <= 0 || d.Std() > MaxRetryDelay {
			return Errorf(CodeInvalid, "retry[%d] is %s: use more than 0 and at most %s", i, d, MaxRetryDelay)
		}
	}
	return validateStatuses(p.Statuses)
}

func (p Policy) validateLimits() error {
	if err := p.Rate.validate(); err != nil {
		return err
	}
	for _, limit := range []struct {
		name    string
		n, most int
	}{
		{"concurrency", p.Concurrency, MaxConcurrency},
		{"burst", p.Burst, MaxBurst},
		{"max_payload", p.MaxPayload, MaxPayload},
		{"max_held", p.MaxHeld, MaxHeld},
	} {
		if limit.n < 0 || limit.n > limit.most {
			return Errorf(CodeInvalid, "%s %d: use 1 to %d", limit.name, limit.n, limit.most)
		}
	}
	if p.Burst != 0 && p.Rate.IsZero() {
		return Errorf(CodeInvalid, "burst %d: it goes with a rate only: give the rate too, or leave burst out", p.Burst)
	}
	if age := p.MaxAge.Std(); age < 0 || age > MaxAge {
		return Errorf(CodeInvalid, "max_age %s: use more than 0 and at most %s", age, MaxAge)
	}
	return nil
}

func (p Policy) validateOrder() error {
	if err := validateWord("order", p.Order, OrderFIFO); err != nil {
		return err
	}
	if err := p.validateOrderKey(); err != nil {
		return err
	}
	if err := validateWord("backlog", p.Backlog, BacklogInOrder, BacklogLiveFirst); err != nil {
		return err
	}
	if p.Backlog == BacklogLiveFirst && p.Order == OrderFIFO {
		return Errorf(CodeInvalid, "backlog %q: new deliveries would overtake those that wait, and order is %q: leave one of the two out", p.Backlog, p.Order)
	}
	return nil
}

// validateOrderKey wants an attribute by which deliveries can belong together.
func (p Policy) validateOrderKey() error {
	key := p.OrderKey
	switch {
	case key == "" || key == "source" || key == "type" || key == "subject" || validExtension(key) && len(key) <= MaxOrderKey:
	case len(key) > MaxOrderKey:
		return Errorf(CodeInvalid, "order_key has %d bytes: use at most %d", len(key), MaxOrderKey)
	case reserved(key):
		return Errorf(CodeInvalid, "order_key %q: it makes no order, as it does not tell which events belong together: use \"subject\", \"source\", \"type\", or an extension like \"partitionkey\"", key)
	default:
		return Errorf(CodeInvalid, "order_key %q: name one attribute of the event, of a-z and 0-9, like \"partitionkey\"", key)
	}
	if key != "" && p.Order != OrderFIFO {
		return Errorf(CodeInvalid, "order_key %q: it goes with the order %q only: set that too, or leave order_key out", key, OrderFIFO)
	}
	return nil
}

func (p Policy) validateFailure() error {
	if err := validateWord("breaker", p.Breaker, SwitchOn, SwitchOff); err != nil {
		return err
	}
	if err := validateWord("auto_disable", p.AutoDisable, SwitchOn, SwitchOff); err != nil {
		return err
	}
	if after := p.DisableAfter.Std(); after != 0 && (after < MinDisableAfter || after > MaxDisableAfter) {
		return Errorf(CodeInvalid, "disable_after %s: use %s to %s", after, MinDisableAfter, MaxDisableAfter)
	}
	return nil
}

// validateWord wants a known word, or none.
func validateWord[S ~string](name string, word S, known ...S) error {
	if word == "" || slices.Contains(known, word) {
		return nil
	}
	return Errorf(CodeInvalid, "%s %q is unknown: use %s, or leave it out", name, word, list(known))
}
