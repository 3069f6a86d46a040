// Package users publishes what happens to the users of a service.
//
//	function        event type           subject      data
//	[Created]       user.created         User.ID      {current, previous: null}
//	[Updated]       user.updated         User.ID      {current, previous}
//	[Removed]       user.removed         User.ID      {current: null, previous}
//	[Verified]      user.verified        User.ID      {user, identity}
//	[SignedIn]      user.signed_in       User.ID      {user, identity}
//	[StatusUpdated] user.status.updated  User.ID      {user, status}
//
// Each stores the event before it returns, and refuses one that lacks its
// subject before anything is sent. An error is a *[producers.PublishError].
package users

import (
	"context"
	"time"

	"github.com/tidings-dev/tidings/producers"
)

// User is a person with an account. ID is required.
type User struct {
	ID        string `json:"id"`
	Reference string `json:"reference,omitempty"` // the id another system knows the user by
	OrgID     string `json:"orgId,omitempty"`
	Username  string `json:"username,omitempty"`
	FirstName string `json:"firstName,omitempty"`
	LastName  string `json:"lastName,omitempty"`
	Email     string `json:"email,omitempty"`
	Phone     string `json:"phone,omitempty"`
	AvatarURL string `json:"avatarUrl,omitempty"`
	JobTitle  string `json:"jobTitle,omitempty"`
	Location  string `json:"location,omitempty"`
	Locale    string `json:"locale,omitempty"`   // BCP 47, like "en-US"
	Timezone  string `json:"timezone,omitempty"` // IANA, like "Europe/Berlin"
	// Active is false once the account may no longer be used.
	Active     bool           `json:"active"`
	IsAdmin    bool           `json:"isAdmin"`
	IsOptedIn  bool           `json:"isOptedIn"` // agreed to be contacted
	IsOnline   bool           `json:"isOnline"`
	LastOnline time.Time      `json:"lastOnline,omitzero"`
	BlockedAt  time.Time      `json:"blockedAt,omitzero"`
	CreatedAt  time.Time      `json:"createdAt,omitzero"`
	UpdatedAt  time.Time      `json:"updatedAt,omitzero"`
	CustomData map[string]any `json:"customData,omitempty"`
}

// Identity is how a user proved who they are.
type Identity struct {
	ID         string    `json:"id"`
	Provider   string    `json:"provider"`             // "email", "google", …
	ProviderID string    `json:"providerId,omitempty"` // the user's id there
	VerifiedAt time.Time `json:"verifiedAt,omitzero"`
}

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

// Authentication is the data of [Verified] and [SignedIn].
type Authentication struct {
	User     User     `json:"user"`
	Identity Identity `json:"identity"`
}

// Verified publishes that a user proved that an identity is theirs.
func Verified(ctx context.Context, to producers.Sink, u User, by Identity) (producers.Receipt, error) {
	return producers.Send(ctx, to, "user.verified", u.ID, Authentication{User: u, Identity: by})
}

// SignedIn publishes that a user signed in.
func SignedIn(ctx context.Context, to producers.Sink, u User, by Identity) (producers.Receipt, error) {
	return producers.Send(ctx, to, "user.signed_in", u.ID, Authentication{User: u, Identity: by})
}

// Status is the data of [StatusUpdated].
type Status struct {
	User   User   `json:"user"`
	Status string `json:"status"` // the service's own word, like "away" or "checkedIn"
}

// StatusUpdated publishes that u now is as status says, which is required.
func StatusUpdated(ctx context.Context, to producers.Sink, u User, status string) (producers.Receipt, error) {
	if err := (producers.Fields{"status": status}).Require(); err != nil {
		return producers.Receipt{}, err
	}
	return producers.Send(ctx, to, "user.status.updated", u.ID, Status{User: u, Status: status})
}
