// Package users publishes what happens to the users of a service, to the
// invites it sends, and when users sign up, sign in and connect.
//
//	function              event type                subject               data
//	[Created]             user.created              User.ID               {current, previous: null}
//	[Updated]             user.updated              User.ID               {current, previous}
//	[Removed]             user.removed              User.ID               {current: null, previous}
//	[InviteCreated]       user.invite.created       Invite.ID             {current, previous: null}
//	[InviteUpdated]       user.invite.updated       Invite.ID             {current, previous}
//	[InviteRemoved]       user.invite.removed       Invite.ID             {current: null, previous}
//	[SignedUp]            user.signed_up            userID                [SignUp]
//	[Verified]            user.verified             userID                [SignIn]
//	[SignedIn]            user.signed_in            userID                [SignIn]
//	[SessionInitialized]  user.session.initialized  Session.ConnectionID  [Connection]
//	[StatusUpdated]       user.status.updated       Status.ID             [Status]
//
// Each stores the event before it returns, and refuses one that lacks a
// required field before anything is sent. An error is a
// *[producers.PublishError].
package users

import (
	"context"
	"time"

	"github.com/tidings-dev/tidings/producers"
)

// User is a person with an account. ID is required.
type User struct {
	ID        string `json:"id"`
	Reference string `json:"reference"` // the id another system knows the user by
	Email     string `json:"email"`
	Locale    string `json:"locale" zero:"null"`   // BCP 47, like "en-US"
	TenantID  string `json:"tenantId" zero:"null"` // the service's tenant, not Tidings'
	Phone     string `json:"phone" zero:"null"`
	FirstName string `json:"firstName" zero:"null"`
	LastName  string `json:"lastName" zero:"null"`
	AvatarURL string `json:"avatarUrl" zero:"null"`
	Timezone  string `json:"timezone" zero:"null"` // IANA, like "Europe/Berlin"
	// Active is false once the account may no longer be used.
	Active           bool           `json:"active"`
	CustomData       map[string]any `json:"customData"` // what else the service keeps
	IsOptedIn        bool           `json:"isOptedIn"`  // agreed to be contacted
	CreatedAt        time.Time      `json:"createdAt"`
	UpdatedAt        time.Time      `json:"updatedAt"`
	Synced           bool           `json:"synced,omitzero"`
	TwoFactorEnabled bool           `json:"twoFactorEnabled,omitzero"`
}

// MarshalJSON is how a user travels.
func (u User) MarshalJSON() ([]byte, error) { return producers.Encode(u) }

// Created publishes that u registered or was added.
func Created(ctx context.Context, to producers.Sink, u User) (producers.Receipt, error) {
	return producers.Send(ctx, to, "user.created", u.ID, producers.Change{Current: u})
}

// Updated publishes that a user changed from previous to current.
func Updated(ctx context.Context, to producers.Sink, current, previous User) (producers.Receipt, error) {
	if err := producers.SameEntity(current.ID, previous.ID); err != nil {
		return producers.Receipt{}, err
	}
	return producers.Send(ctx, to, "user.updated", current.ID, producers.Change{Current: current, Previous: previous})
}

// Removed publishes that u is gone.
func Removed(ctx context.Context, to producers.Sink, u User) (producers.Receipt, error) {
	return producers.Send(ctx, to, "user.removed", u.ID, producers.Change{Previous: u})
}

// Status is how a user is, for those who see them at work. ID is required.
type Status struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	ImageURL string `json:"imageUrl,omitzero"`
	Email    string `json:"email,omitzero"`
	IsAdmin  bool   `json:"isAdmin"`
	JobTitle string `json:"jobTitle,omitzero"`
	Location string `json:"location,omitzero"`
	// Status is "checkedIn", "checkedOut" or a word of the service's own.
	Status  string             `json:"status"`
	Session *producers.Session `json:"session,omitzero"`
}

// StatusUpdated publishes how a user is now.
func StatusUpdated(ctx context.Context, to producers.Sink, s Status) (producers.Receipt, error) {
	return producers.Send(ctx, to, "user.status.updated", s.ID, s)
}
