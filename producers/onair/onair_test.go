package onair_test

import (
	"context"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/producers/onair"
	"github.com/tidings-dev/tidings/producers/producerstest"
)

type (
	to      = producers.Sink
	receipt = producers.Receipt
)

func TestEvents(t *testing.T) {
	start := time.Date(2026, 4, 1, 14, 0, 0, 0, time.UTC)
	kickoff := onair.Event{ID: "evt1", Title: "Kickoff", Slug: "kickoff", Start: start, End: start.Add(time.Hour), TimeZone: "Europe/Paris", EventPageURL: "https://example.test/e", AutoAdmit: true}
	kim := onair.Guest{ID: "gst1", Name: "Kim Osei", Status: onair.Going, Created: start}
	lee := onair.Guest{ID: "gst2", EventID: "evt1", Status: onair.Invited}
	const (
		event     = `"event":{"id":"evt1","title":"Kickoff","slug":"kickoff","start":"2026-04-01T14:00:00.000Z","end":"2026-04-01T15:00:00.000Z","timeZone":"Europe/Paris","eventPageUrl":"https://example.test/e","enableSEO":false,"autoAdmit":true,"disableRSVP":false,"hosts":[]}`
		guestKim  = `{"id":"gst1","eventId":"evt1","name":"Kim Osei","status":"going","created":"2026-04-01T14:00:00.000Z"}`
		guestLee  = `{"id":"gst2","eventId":"evt1","status":"invited"}`
		announced = `{` + event + `}`
	)
	producerstest.Run(t, []producerstest.Case{
		{
			Name: "created", Type: "onair.event.created", Subject: "evt1", Data: announced,
			Call: func(ctx context.Context, s to) (receipt, error) { return onair.EventCreated(ctx, s, kickoff) },
		},
		{
			Name: "updated", Type: "onair.event.updated", Subject: "evt1", Data: announced,
			Call: func(ctx context.Context, s to) (receipt, error) { return onair.EventUpdated(ctx, s, kickoff) },
		},
		{
			Name: "canceled", Type: "onair.event.canceled", Subject: "evt1", Data: announced,
			Call: func(ctx context.Context, s to) (receipt, error) { return onair.EventCanceled(ctx, s, kickoff) },
		},
		{
			Name: "answer", Type: "onair.guest.rsvp", Subject: "gst1", Data: `{` + event + `,"guest":` + guestKim + `}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return onair.GuestRSVP(ctx, s, kickoff, kim) },
		},
		{
			Name: "guests", Type: "onair.guest.added", Subject: "evt1", Data: `{` + event + `,"guests":[` + guestKim + `,` + guestLee + `]}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return onair.GuestsAdded(ctx, s, kickoff, kim, lee) },
		},
		{
			Name: "no event", Refused: "Event.ID is empty: set it",
			Call: func(ctx context.Context, s to) (receipt, error) { return onair.EventCreated(ctx, s, onair.Event{}) },
		},
		{
			Name: "answer to no event", Refused: "Event.ID is empty: set it",
			Call: func(ctx context.Context, s to) (receipt, error) { return onair.GuestRSVP(ctx, s, onair.Event{}, kim) },
		},
		{
			Name: "nobody", Refused: "Guest.ID is empty: set it",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return onair.GuestsAdded(ctx, s, kickoff, lee, onair.Guest{Name: "?"})
			},
		},
	})
}
