package users

import (
	"context"
	"time"

	"github.com/tidings-dev/tidings/producers"
)

// Invite asks somebody to become a user. ID is required.
type Invite struct {
	ID              string `json:"id"`
	Email           string `json:"email"`
	CreatedByUserID string `json:"createdByUserId"`
	// UserTokenID is the id of the token that accepts the invite, never the token
	// itself: receivers see it. Best left empty.
	UserTokenID      string         `json:"userTokenId" zero:"null"`
	Status           InviteStatus   `json:"status"`
	FirstName        string         `json:"firstName" zero:"null"`
	LastName         string         `json:"lastName" zero:"null"`
	Locale           string         `json:"locale" zero:"null"` // BCP 47, like "en-US"
	RoleKeys         []string       `json:"roleKeys" zero:"null"`
	Data             map[string]any `json:"data"`                 // what else the service keeps
	TenantID         string         `json:"tenantId" zero:"null"` // the service's tenant, not Tidings'
	AcceptedByUserID string         `json:"acceptedByUserId" zero:"null"`
	StatusUpdatedAt  time.Time      `json:"statusUpdatedAt"`
	CreatedAt        time.Time      `json:"createdAt"`
	UpdatedAt        time.Time      `json:"updatedAt"`
}

// InviteStatus is how far an invite is.
type InviteStatus string

// What an invite can be.
const (
	InvitePending  InviteStatus = "pending"
	InviteAccepted InviteStatus = "accepted"
	InviteCanceled InviteStatus = "canceled"
	InviteExpired  InviteStatus = "expired"
)

// MarshalJSON is how an invite travels.
func (i Invite) MarshalJSON() ([]byte, error) { return producers.Encode(i) }

// InviteCreated publishes that i was sent.
func InviteCreated(ctx context.Context, to producers.Sink, i Invite) (producers.Receipt, error) {
	return sendInvite(ctx, to, "user.invite.created", i, producers.Change{Current: i})
}

// InviteUpdated publishes that an invite changed from previous to current.
func InviteUpdated(ctx context.Context, to producers.Sink, current, previous Invite) (producers.Receipt, error) {
	if err := producers.SameEntity(current.ID, previous.ID); err != nil {
		return producers.Receipt{}, err
	}
	return sendInvite(ctx, to, "user.invite.updated", current, producers.Change{Current: current, Previous: previous})
}

// InviteRemoved publishes that i is gone.
func InviteRemoved(ctx context.Context, to producers.Sink, i Invite) (producers.Receipt, error) {
	return sendInvite(ctx, to, "user.invite.removed", i, producers.Change{Previous: i})
}

func sendInvite(ctx context.Context, to producers.Sink, eventType string, i Invite, c producers.Change) (producers.Receipt, error) {
	if err := (producers.Fields{"Invite.ID": i.ID}).Require(); err != nil {
		return producers.Receipt{}, err
	}
	return producers.Send(ctx, to, eventType, i.ID, c)
}
