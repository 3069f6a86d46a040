// Package lobbies publishes what is booked of a lobby: a page on which guests
// book a meeting with its hosts.
//
//	function  event type    subject     data
//	[Booked]  lobby.booked  Booking.ID  [Reservation]
//
// It stores the event before it returns, and refuses one that lacks a required
// field before anything is sent. An error is a *[producers.PublishError].
package lobbies

import (
	"context"
	"time"

	"github.com/tidings-dev/tidings/producers"
)

// Reservation is the data of [Booked].
type Reservation struct {
	Lobby   Lobby   `json:"lobby"`
	Booking Booking `json:"booking"`
}

// Lobby is where a booking is made.
type Lobby struct {
	ID          string `json:"id"`
	Slug        string `json:"slug"`
	DisplayName string `json:"displayName"`
	Active      bool   `json:"active"`
	URL         string `json:"url"`
	Handle      string `json:"handle,omitzero"`
}

// Booking is a meeting that a guest booked. ID is required.
type Booking struct {
	ID          string    `json:"id"`
	Start       time.Time `json:"start"`
	End         time.Time `json:"end"`
	Status      string    `json:"status"`            // the service's own word, like "confirmed"
	TimeZone    string    `json:"timeZone,omitzero"` // IANA, like "Europe/Paris"
	Notes       string    `json:"notes,omitzero"`
	Created     time.Time `json:"created,omitzero"`
	Hosts       []Host    `json:"hosts,omitzero"`
	Invitees    []Invitee `json:"invitees,omitzero"`
	MeetingLink string    `json:"meetingLink,omitzero"`
}

// MarshalJSON is how a booking travels.
func (b Booking) MarshalJSON() ([]byte, error) { return producers.Encode(b) }

// Host receives the guests.
type Host struct {
	Name        string `json:"name,omitzero"`
	Email       string `json:"email"`
	IsOrganizer bool   `json:"isOrganizer"`
}

// Invitee is a guest.
type Invitee struct {
	Name     string `json:"name,omitzero"`
	Email    string `json:"email"`
	Status   string `json:"status"`   // the service's own word, like "accepted"
	IsBooker bool   `json:"isBooker"` // made the booking
}

// Booked publishes that b was made on the page of l.
func Booked(ctx context.Context, to producers.Sink, l Lobby, b Booking) (producers.Receipt, error) {
	if err := (producers.Fields{"Booking.ID": b.ID}).Require(); err != nil {
		return producers.Receipt{}, err
	}
	return producers.Send(ctx, to, "lobby.booked", b.ID, Reservation{Lobby: l, Booking: b})
}
