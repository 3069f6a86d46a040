package lobbies_test

import (
	"context"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/producers/lobbies"
	"github.com/tidings-dev/tidings/producers/producerstest"
)

type (
	to      = producers.Sink
	receipt = producers.Receipt
)

func TestEvents(t *testing.T) {
	before := lobbies.Booking{
		ID:       "bk1",
		Lobby:    lobbies.Lobby{ID: "L-9", Slug: "sales", DisplayName: "Sales lobby", Active: true},
		Start:    time.Date(2026, 2, 1, 10, 0, 0, 0, time.UTC),
		Hosts:    []lobbies.Host{{Email: "dana@example.test", IsOrganizer: true}},
		Invitees: []lobbies.Invitee{{Email: "kim@example.test", Status: "accepted", IsBooker: true}},
	}
	after := before
	after.Start = before.Start.Add(time.Hour)
	const (
		rest       = `"hosts":[{"email":"dana@example.test","isOrganizer":true}],"invitees":[{"email":"kim@example.test","status":"accepted","isBooker":true}]}`
		head       = `{"id":"bk1","lobby":{"id":"L-9","slug":"sales","displayName":"Sales lobby","active":true},`
		beforeJSON = head + `"start":"2026-02-01T10:00:00Z",` + rest
		afterJSON  = head + `"start":"2026-02-01T11:00:00Z",` + rest
	)
	producerstest.Run(t, []producerstest.Case{
		{
			Name: "booked", Type: "lobby.booked", Subject: "bk1", Data: `{"current":` + beforeJSON + `,"previous":null}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return lobbies.Booked(ctx, s, before) },
		},
		{
			Name: "rescheduled", Type: "lobby.rescheduled", Subject: "bk1", Data: `{"current":` + afterJSON + `,"previous":` + beforeJSON + `}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return lobbies.Rescheduled(ctx, s, after, before) },
		},
		{
			Name: "canceled", Type: "lobby.canceled", Subject: "bk1", Data: `{"current":null,"previous":` + afterJSON + `}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return lobbies.Canceled(ctx, s, after) },
		},
		{
			Name: "no id", Refused: "Booking.ID is empty: set it",
			Call: func(ctx context.Context, s to) (receipt, error) { return lobbies.Booked(ctx, s, lobbies.Booking{}) },
		},
		{
			Name: "no lobby", Refused: "Booking.Lobby.ID is empty: set it",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return lobbies.Canceled(ctx, s, lobbies.Booking{ID: "bk1"})
			},
		},
		{
			Name: "another booking", Refused: "pass the same one",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return lobbies.Rescheduled(ctx, s, after, lobbies.Booking{ID: "bk2"})
			},
		},
	})
}
