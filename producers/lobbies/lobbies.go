// Package lobbies publishes what happens to the bookings of a lobby: a page on
// which guests book a meeting with its hosts.
//
//	function       event type         subject     data
//	[Booked]       lobby.booked       Booking.ID  {current, previous: null}
//	[Rescheduled]  lobby.rescheduled  Booking.ID  {current, previous}
//	[Canceled]     lobby.canceled     Booking.ID  {current: null, previous}
//
// Each stores the event before it returns, and refuses one that lacks a
// required field before anything is sent. An error is a
// *[producers.PublishError].
package lobbies

import (
	"context"
	"time"

	"github.com/tidings-dev/tidings/producers"
)

// Lobby is where a booking was made.
type Lobby struct {
	ID          string `json:"id"`
	Slug        string `json:"slug,omitempty"`
	DisplayName string `json:"displayName,omitempty"`
	Active      bool   `json:"active"`
	URL         string `json:"url,omitempty"`
	Handle      string `json:"handle,omitempty"`
}

// Booking is a meeting that a guest booked. ID and Lobby.ID are required.
type Booking struct {
	ID          string    `json:"id"`
	Lobby       Lobby     `json:"lobby"`
	Start       time.Time `json:"start,omitzero"`
	End         time.Time `json:"end,omitzero"`
	TimeZone    string    `json:"timeZone,omitempty"` // IANA, like "Europe/Paris"
	Status      string    `json:"status,omitempty"`   // the service's own word, like "confirmed"
	Notes       string    `json:"notes,omitempty"`
	MeetingLink string    `json:"meetingLink,omitempty"`
	Hosts       []Host    `json:"hosts,omitempty"`
	Invitees    []Invitee `json:"invitees,omitempty"`
	CreatedAt   time.Time `json:"createdAt,omitzero"`
}

// Host receives the guests.
type Host struct {
	Name        string `json:"name,omitempty"`
	Email       string `json:"email"`
	IsOrganizer bool   `json:"isOrganizer"`
}

// Invitee is a guest.
type Invitee struct {
	Name     string `json:"name,omitempty"`
	Email    string `json:"email"`
	Status   string `json:"status,omitempty"` // the service's own word, like "accepted"
	IsBooker bool   `json:"isBooker"`         // made the booking
}

// Booked publishes that b was made.
func Booked(ctx context.Context, to producers.Sink, b Booking) (producers.Receipt, error) {
	return send(ctx, to, "lobby.booked", b, producers.Change{Current: b})
}

// Rescheduled publishes that a booking moved or changed from previous to
// current.
func Rescheduled(ctx context.Context, to producers.Sink, current, previous Booking) (producers.Receipt, error) {
	if err := producers.SameEntity(current.ID, previous.ID); err != nil {
		return producers.Receipt{}, err
	}
	return send(ctx, to, "lobby.rescheduled", current, producers.Change{Current: current, Previous: previous})
}

// Canceled publishes that b will not take place.
func Canceled(ctx context.Context, to producers.Sink, b Booking) (producers.Receipt, error) {
	return send(ctx, to, "lobby.canceled", b, producers.Change{Previous: b})
}

func send(ctx context.Context, to producers.Sink, eventType string, b Booking, c producers.Change) (producers.Receipt, error) {
	if err := (producers.Fields{"Booking.ID": b.ID, "Booking.Lobby.ID": b.Lobby.ID}).Require(); err != nil {
		return producers.Receipt{}, err
	}
	return producers.Send(ctx, to, eventType, b.ID, c)
}
