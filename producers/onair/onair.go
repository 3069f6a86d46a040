// Package onair publishes what happens to On-Air events, which are broadcast to
// guests, and to who comes to them.
//
//	function         event type            subject   data
//	[EventCreated]   onair.event.created   Event.ID  [Announcement]
//	[EventUpdated]   onair.event.updated   Event.ID  [Announcement]
//	[EventCanceled]  onair.event.canceled  Event.ID  [Announcement]
//	[GuestRSVP]      onair.guest.rsvp      Guest.ID  [RSVP]
//	[GuestsAdded]    onair.guest.added     Event.ID  [GuestList]
//
// Each stores the event before it returns, and refuses one that lacks a
// required field before anything is sent. An error is a
// *[producers.PublishError].
package onair

import (
	"context"
	"time"

	"github.com/tidings-dev/tidings/producers"
)

// Event is what is broadcast. ID is required.
type Event struct {
	ID           string    `json:"id"`
	Title        string    `json:"title"`
	Slug         string    `json:"slug"`
	Start        time.Time `json:"start"`
	End          time.Time `json:"end"`
	TimeZone     string    `json:"timeZone"` // IANA, like "America/New_York"
	EventPageURL string    `json:"eventPageUrl"`
	EnableSEO    bool      `json:"enableSEO"`
	AutoAdmit    bool      `json:"autoAdmit"`
	DisableRSVP  bool      `json:"disableRSVP"`
	Hosts        []Host    `json:"hosts"`
	Description  string    `json:"description,omitzero"`
	JoinLinkURL  string    `json:"joinLinkUrl,omitzero"`
}

// MarshalJSON is how an event travels.
func (e Event) MarshalJSON() ([]byte, error) { return producers.Encode(e) }

// Host presents an event.
type Host struct {
	ID       string `json:"id"`
	Name     string `json:"name,omitzero"`
	ImageURL string `json:"imageUrl,omitzero"`
}

// Guest is invited to an event. ID is required; EventID is the event's if it is
// empty.
type Guest struct {
	ID      string    `json:"id"`
	EventID string    `json:"eventId"`
	Email   string    `json:"email,omitzero"`
	Name    string    `json:"name,omitzero"`
	Phone   string    `json:"phone,omitzero"`
	Status  Status    `json:"status"`
	Created time.Time `json:"created,omitzero"`
	Updated time.Time `json:"updated,omitzero"`
}

// MarshalJSON is how a guest travels.
func (g Guest) MarshalJSON() ([]byte, error) { return producers.Encode(g) }

// Status is what a guest answered.
type Status string

// What a guest can have answered.
const (
	Invited  Status = "invited" // nothing yet
	Going    Status = "going"
	Maybe    Status = "maybe"
	NotGoing Status = "notGoing"
)

// Announcement is the data of [EventCreated], [EventUpdated] and
// [EventCanceled].
type Announcement struct {
	Event Event `json:"event"`
}

// RSVP is the data of [GuestRSVP].
type RSVP struct {
	Event Event `json:"event"`
	Guest Guest `json:"guest"`
}

// GuestList is the data of [GuestsAdded].
type GuestList struct {
	Event  Event   `json:"event"`
	Guests []Guest `json:"guests"` // those who are new
}

// EventCreated publishes that e was planned.
func EventCreated(ctx context.Context, to producers.Sink, e Event) (producers.Receipt, error) {
	return send(ctx, to, "onair.event.created", e)
}

// EventUpdated publishes that an event changed, and is now e.
func EventUpdated(ctx context.Context, to producers.Sink, e Event) (producers.Receipt, error) {
	return send(ctx, to, "onair.event.updated", e)
}

// EventCanceled publishes that e will not take place.
func EventCanceled(ctx context.Context, to producers.Sink, e Event) (producers.Receipt, error) {
	return send(ctx, to, "onair.event.canceled", e)
}

func send(ctx context.Context, to producers.Sink, eventType string, e Event) (producers.Receipt, error) {
	if err := (producers.Fields{"Event.ID": e.ID}).Require(); err != nil {
		return producers.Receipt{}, err
	}
	return producers.Send(ctx, to, eventType, e.ID, Announcement{Event: e})
}

// GuestRSVP publishes that g answered, or changed the answer.
func GuestRSVP(ctx context.Context, to producers.Sink, e Event, g Guest) (producers.Receipt, error) {
	guests, err := guestsOf(e, g)
	if err != nil {
		return producers.Receipt{}, err
	}
	return producers.Send(ctx, to, "onair.guest.rsvp", g.ID, RSVP{Event: e, Guest: guests[0]})
}

// GuestsAdded publishes that guests were invited to e.
func GuestsAdded(ctx context.Context, to producers.Sink, e Event, guests ...Guest) (producers.Receipt, error) {
	guests, err := guestsOf(e, guests...)
	if err != nil {
		return producers.Receipt{}, err
	}
	return producers.Send(ctx, to, "onair.guest.added", e.ID, GuestList{Event: e, Guests: guests})
}

// guestsOf are the guests with the event's id.
func guestsOf(e Event, guests ...Guest) ([]Guest, error) {
	if err := (producers.Fields{"Event.ID": e.ID}).Require(); err != nil {
		return nil, err
	}
	of := make([]Guest, len(guests))
	for i, g := range guests {
		if err := (producers.Fields{"Guest.ID": g.ID}).Require(); err != nil {
			return nil, err
		}
		if g.EventID == "" {
			g.EventID = e.ID
		}
		of[i] = g
	}
	return of, nil
}
