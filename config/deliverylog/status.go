package deliverylog

import "github.com/tidings-dev/tidings/schemas"

// Status is what became of a delivery, as far as the log knows.
type Status string

const (
	Waiting   Status = "waiting"   // no attempt has ended
	Retrying  Status = "retrying"  // the last failed, and there will be another
	Delivered Status = "delivered" // the receiver took it
	Dead      Status = "dead"      // given up
)

// statusOf is what an outcome leaves a delivery in.
func statusOf(k schemas.Kind) Status {
	switch k {
	case schemas.Delivered:
		return Delivered
	case schemas.Retry:
		return Retrying
	case schemas.Dead:
		return Dead
	}
	return Waiting // a kind of a later version
}
