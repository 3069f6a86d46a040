package broker

import (
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/schemas"
)

// Remote is how to reach a server or cluster elsewhere.
type Remote struct {
	// URL lists one or more servers, with commas: "nats://a:4222,nats://b:4222".
	URL string
	// Creds is a file with a user's JWT and seed; NKey one with an NKey seed. At
	// most one of them.
	Creds, NKey string
	// CA verifies the servers; Cert and Key are the client's own. Files in PEM.
	CA, Cert, Key string
	// InboxPrefix begins the subjects at which answers are heard, so that users can
	// be kept from each other's: "_INBOX.api". Empty for "_INBOX".
	InboxPrefix string
	// Through takes the place of sockets, as in tests; nil for sockets.
	Through nats.InProcessConnProvider
}

// Connect opens a connection. It fails if no server answers; once it stands it
// reconnects for ever.
func (r Remote) Connect(name string, log *slog.Logger) (*nats.Conn, error) {
	opts, err := r.options(name, log)
	if err != nil {
		return nil, err
	}
	nc, err := nats.Connect(r.URL, opts...)
	if err != nil {
		return nil, schemas.Errorf(schemas.CodeUnavailable, "connect to NATS at %s: %w: check --nats-url and the credentials", redact(r.URL), err)
	}
	return nc, nil
}

func (r Remote) options(name string, log *slog.Logger) ([]nats.Option, error) {
	opts := options(name, log)
	if r.Creds != "" && r.NKey != "" {
		return nil, schemas.Errorf(schemas.CodeInvalid, "both --nats-creds and --nats-nkey are set: use one of them")
	}
	if (r.Cert == "") != (r.Key == "") {
		return nil, schemas.Errorf(schemas.CodeInvalid, "--nats-cert and --nats-key go together: set both or neither")
	}
	if r.InboxPrefix != "" {
		if strings.ContainsAny(r.InboxPrefix, "*> \t\r\n") || slices.Contains(strings.Split(r.InboxPrefix, "."), "") {
			return nil, schemas.Errorf(schemas.CodeInvalid, "--nats-inbox-prefix %q: write it like _INBOX.api, without wildcards, spaces and empty parts", r.InboxPrefix)
		}
		opts = append(opts, nats.CustomInboxPrefix(r.InboxPrefix))
	}
	if r.Through != nil {
		opts = append(opts, nats.InProcessServer(r.Through))
	}
	if r.Creds != "" {
		opts = append(opts, nats.UserCredentials(r.Creds))
	}
	if r.NKey != "" {
		o, err := nats.NkeyOptionFromSeed(r.NKey)
		if err != nil {
			return nil, schemas.Errorf(schemas.CodeInvalid, "--nats-nkey %s: %w", r.NKey, err)
		}
		opts = append(opts, o)
	}
	if r.CA != "" {
		opts = append(opts, nats.RootCAs(r.CA))
	}
	if r.Cert != "" {
		opts = append(opts, nats.ClientCert(r.Cert, r.Key))
	}
	return opts, nil
}

// pingEvery is how often a connection asks the server whether it is there. One that
// has vanished, and whose network tells nobody, is left after three times as long
// (the client library's own two minutes make that six).
const pingEvery = 5 * time.Second

// options are the same for every connection: it never gives up, and says when
// the server is lost and found.
func options(name string, log *slog.Logger) []nats.Option {
	return []nats.Option{
		nats.Name(name),
		nats.MaxReconnects(-1),
		// By default it does give up, for good, where a server has refused the same user
		// twice: while keys are changed over, that is what servers do.
		nats.IgnoreAuthErrorAbort(),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.PingInterval(pingEvery),
		nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("nats connection lost", "error", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.Info("nats connection restored", "server", nc.ConnectedUrlRedacted())
		}),
		nats.ErrorHandler(logErrors(log)),
	}
}
