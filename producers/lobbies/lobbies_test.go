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
	sales := lobbies.Lobby{ID: "L-9", Slug: "sales", DisplayName: "Sales lobby", Active: true, URL: "https://example.test/sales"}
	booking := lobbies.Booking{
		ID: "bk1", Start: time.Date(2026, 2, 1, 10, 0, 0, 0, time.UTC), End: time.Date(2026, 2, 1, 10, 30, 0, 0, time.UTC), Status: "confirmed",
		Hosts:    []lobbies.Host{{Email: "dana@example.test", IsOrganizer: true}},
		Invitees: []lobbies.Invitee{{Email: "kim@example.test", Status: "accepted", IsBooker: true}},
	}
	producerstest.Run(t, []producerstest.Case{
		{
			Name: "booked", Type: "lobby.booked", Subject: "bk1",
			Data: `{"lobby":{"id":"L-9","slug":"sales","displayName":"Sales lobby","active":true,"url":"https://example.test/sales"},` +
				`"booking":{"id":"bk1","start":"2026-02-01T10:00:00.000Z","end":"2026-02-01T10:30:00.000Z","status":"confirmed",` +
				`"hosts":[{"email":"dana@example.test","isOrganizer":true}],"invitees":[{"email":"kim@example.test","status":"accepted","isBooker":true}]}}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return lobbies.Booked(ctx, s, sales, booking) },
		},
		{
			Name: "no id", Refused: "Booking.ID is empty: set it",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return lobbies.Booked(ctx, s, sales, lobbies.Booking{})
			},
		},
	})
}
