package schemas

import "time"

// Poll is what a receiver asks for that fetches its deliveries.
type Poll struct {
	// Max is how many deliveries at most: 1 to [MaxPoll]; 0 is [DefaultPoll].
	Max int
	// Wait is how long to wait for the first: at most [MaxPollWait]. 0 does not wait.
	Wait Duration
	// AckWait is from now on how long the endpoint's deliveries belong to whoever has
	// pulled them: [MinAckWait] to [MaxAckWait]. 0 leaves it as it is, at first
	// [DefaultAckWait].
	AckWait Duration
}

// Bounds of a [Poll] and of a [Settlement].
const (
	MaxPoll        = 100
	DefaultPoll    = 10
	MaxPollWait    = time.Minute
	DefaultAckWait = 30 * time.Second
	MinAckWait     = time.Second
	MaxAckWait     = time.Hour
	// MaxSettled is how many receipts one settlement may name.
	MaxSettled = 1000
	// MaxNackAfter bounds Nack.After.
	MaxNackAfter = MaxRetryDelay
)

// Validate names the field that is wrong.
func (p Poll) Validate() error {
	switch wait, hold := p.Wait.Std(), p.AckWait.Std(); {
	case p.Max < 0 || p.Max > MaxPoll:
		return Errorf(CodeInvalid, "max %d: use 1 to %d", p.Max, MaxPoll)
	case wait < 0 || wait > MaxPollWait:
		return Errorf(CodeInvalid, "wait %s: use 0s to %s", wait, MaxPollWait)
	case hold != 0 && (hold < MinAckWait || hold > MaxAckWait):
		return Errorf(CodeInvalid, "ack_wait %s: use %s to %s", hold, MinAckWait, MaxAckWait)
	}
	return nil
}

// Pulled is a delivery that is handed out. It belongs to who has it until Until;
// then somebody else may get it, under the same ID.
type Pulled struct {
	ID      DeliveryID   `json:"id"`
	Attempt int          `json:"attempt"` // 1 for the first time it is handed out
	Event   EventSummary `json:"event"`
	// Headers and the body are what a request would have, signed now. The body is
	// BodyBase64 where it is no UTF-8, and else Body.
	Headers    map[string]string `json:"headers"`
	Body       string            `json:"body,omitempty"`
	BodyBase64 []byte            `json:"body_base64,omitempty"`
	// Receipt settles it. It says nothing to anybody else.
	Receipt string    `json:"receipt"`
	Until   time.Time `json:"until"`
}

// Settlement says what became of deliveries that were handed out.
type Settlement struct {
	Ack    []string `json:"ack,omitempty"` // receipts of those that were taken
	Nack   []Nack   `json:"nack,omitempty"`
	Extend []string `json:"extend,omitempty"` // receipts of those that take longer
}

// Nack gives a delivery back, as failed.
type Nack struct {
	Receipt string `json:"receipt"`
	// Reason is for the delivery log; at most [MaxDetail] bytes of it are kept.
	Reason string `json:"reason,omitempty"`
	// After is how long the next attempt waits, in place of what the endpoint's
	// schedule says: 0 to [MaxNackAfter]. Nil leaves it to the schedule.
	After *Duration `json:"after,omitempty"`
}

// Validate names the field that is wrong.
func (s Settlement) Validate() error {
	if n := len(s.Ack) + len(s.Nack) + len(s.Extend); n > MaxSettled {
		return Errorf(CodeInvalid, "ack: with nack and extend these are %d receipts: use at most %d", n, MaxSettled)
	}
	for i, n := range s.Nack {
		if n.After != nil && (*n.After < 0 || n.After.Std() > MaxNackAfter) {
			return Errorf(CodeInvalid, "nack[%d].after is %s: use 0s to %s", i, *n.After, MaxNackAfter)
		}
	}
	return nil
}

// SettledStatus is what became of a receipt.
type SettledStatus string

const (
	SettledDelivered   SettledStatus = "delivered"   // acked: nothing remains to do
	SettledRetry       SettledStatus = "retry"       // nacked: it comes again at Next
	SettledDead        SettledStatus = "dead"        // nacked, and no attempt is left: among the dead letters, for Reason
	SettledExtended    SettledStatus = "extended"    // Receipt is the new one, good until Until
	SettledExpired     SettledStatus = "expired"     // too late: it is handed out again, or was
	SettledGone        SettledStatus = "gone"        // it is not in the queue any more: settled before, or it died meanwhile
	SettledInvalid     SettledStatus = "invalid"     // no receipt of this endpoint
	SettledUnavailable SettledStatus = "unavailable" // not known: settle it again
)

// Settled is what became of one receipt.
type Settled struct {
	Receipt string        `json:"receipt"`
	Status  SettledStatus `json:"status"`
	Detail  string        `json:"detail,omitempty"`
	Next    time.Time     `json:"next,omitzero"`     // of retry
	Reason  Reason        `json:"reason,omitempty"`  // of dead
	Renewed string        `json:"renewed,omitempty"` // of extended: the receipt from now on
	Until   time.Time     `json:"until,omitzero"`    // of extended
}
