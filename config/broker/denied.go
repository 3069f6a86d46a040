package broker

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/schemas"
)

// The server says that a user may not do a thing apart from any answer: the
// client library tells it to the connection's error handler, and the one who
// asked waits in vain.

// Allowed runs do, which uses nc. If meanwhile the server denies nc's user a
// subject, it ends the context of do, and the error is a
// [schemas.CodeForbidden] that says what was denied and what to do.
func Allowed(ctx context.Context, nc *nats.Conn, do func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	before := nc.ErrorHandler()
	nc.SetErrorHandler(func(c *nats.Conn, sub *nats.Subscription, err error) {
		if errors.Is(err, nats.ErrPermissionViolation) {
			cancel(denial(err))
			return
		}
		if before != nil {
			before(c, sub, err)
		}
	})
	defer nc.SetErrorHandler(before)
	err := do(ctx)
	if cause := context.Cause(ctx); err != nil && schemas.HasCode(cause, schemas.CodeForbidden) {
		return cause
	}
	return err
}

// denial words the server's "Permissions Violation for Publish to "x"" for the
// operator.
func denial(err error) error {
	_, what, found := strings.Cut(err.Error(), "Permissions Violation for ")
	if !found {
		what = err.Error()
	}
	advice := "give the user that right: deploy/nats/accounts.conf has what each role needs"
	if strings.HasPrefix(what, "Subscription") {
		advice = "give the user that right, or set --nats-inbox-prefix to one that it has: deploy/nats/accounts.conf has what each role needs"
	}
	return schemas.Errorf(schemas.CodeForbidden, "NATS denies the user of this process: %s: %s", lowerFirst(what), advice)
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// logErrors is the error handler of every connection.
func logErrors(log *slog.Logger) nats.ErrHandler {
	return func(_ *nats.Conn, sub *nats.Subscription, err error) {
		if errors.Is(err, nats.ErrPermissionViolation) {
			log.Error("nats", "error", denial(err))
			return
		}
		subject := ""
		if sub != nil {
			subject = sub.Subject
		}
		log.Warn("nats", "error", err, "subject", subject)
	}
}
