package deliverylog

import (
	"context"
	"errors"
	"log/slog"
)

// warnings is a logger that sends what it is told, as far as there is room.
func warnings(to chan<- error) *slog.Logger { return slog.New(sender{slog.DiscardHandler, to}) }

type sender struct {
	slog.Handler
	to chan<- error
}

func (sender) Enabled(context.Context, slog.Level) bool { return true }

func (s sender) Handle(_ context.Context, r slog.Record) error {
	select {
	case s.to <- errors.New(r.Message):
	default:
	}
	return nil
}
