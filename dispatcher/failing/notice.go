package failing

import (
	"fmt"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/flow"
	"github.com/tidings-dev/tidings/schemas"
)

// Kind is what an endpoint's owner is told: the type of an event.
type Kind string

const (
	Failing   Kind = "endpoint.failing"   // it does nothing but fail, and will be disabled
	Disabled  Kind = "endpoint.disabled"  // deliveries to it die from now on
	Recovered Kind = "endpoint.recovered" // it has delivered after a warning
)

// Notice is an event about an endpoint, to be published.
type Notice struct {
	Kind   Kind             `json:"kind"`
	Tenant schemas.TenantID `json:"tenant"`
	At     time.Time        `json:"at"` // when it came to that
	Data   Data             `json:"data"`
}

// ID is the event's id. There is one event of a kind for each time of nothing but
// failure.
func (n Notice) ID() string {
	return fmt.Sprintf("%s.%s.%d", n.Data.Endpoint, n.Kind, n.Data.Since.UnixMilli())
}

// Data is the event's data. It carries no secrets: of the URL only the host.
type Data struct {
	Endpoint schemas.EndpointID `json:"endpoint"`
	Host     string             `json:"host,omitempty"` // empty if nobody knows
	// Reason is why the endpoint was disabled; of [Disabled] only.
	Reason schemas.Reason `json:"reason,omitempty"`
	// Since is when the first failure was.
	Since time.Time `json:"since"`
	// Failures are as [flow.Failing] counts them.
	Failures int `json:"failures"`
	// LastReason and LastStatus are of the last failed attempt: what it met, and
	// the receiver's status if it gave one. Not of [Recovered].
	LastReason schemas.Reason `json:"last_reason,omitempty"`
	LastStatus int            `json:"last_status,omitempty"`
	// DisableAt is from when another failure disables the endpoint; of [Failing]
	// only.
	DisableAt time.Time `json:"disable_at,omitzero"`
}

// Note is what is stored of an endpoint. Its zero value is that of one that does
// not fail.
type Note struct {
	Failing flow.Failing `json:"failing,omitzero"`
	// Warning is that which nothing has followed yet.
	Warning *Data `json:"warning,omitempty"`
	// Owed are to be announced, in this order, and of the last kind also done.
	Owed []Notice `json:"owed,omitempty"`
}

// IsZero reports whether there is nothing to store.
func (n Note) IsZero() bool {
	return n.Failing == (flow.Failing{}) && n.Warning == nil && len(n.Owed) == 0
}

// at is when something was last noted.
func (n Note) at() time.Time {
	at := n.Failing.Last
	for _, o := range n.Owed {
		if o.At.After(at) {
			at = o.At
		}
	}
	return at
}
