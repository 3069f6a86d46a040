package listen

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/user"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/call"
	"github.com/tidings-dev/tidings/cmd/tidings/client"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

const (
	// listenMark begins the names of endpoints that listeners have made.
	listenMark = "tidings listen "
	// listenSeen is how often a listener says that it lives, and listenGone after how
	// long of silence the next one removes its endpoint.
	listenSeen = 5 * time.Minute
	listenGone = 3 * listenSeen
	// listenWait and listenMax are those of a poll; listenSlack is what an answer may
	// take beyond.
	listenWait  = 30 * time.Second
	listenMax   = 10
	listenSlack = 15 * time.Second
	// listenGrace is what a listener that ends has for its last words.
	listenGrace = 10 * time.Second
	// listenPause is the first wait after a failure; it doubles, up to listenMaxPause.
	listenPause    = time.Second
	listenMaxPause = 30 * time.Second
)

// listenOptions are what the command line says.
type listenOptions struct {
	forward        string
	types, filters []string
	dialect        string
	retry          []time.Duration
	timeout        time.Duration
	printJSON      bool
}

// Command is `tidings listen`.
func Command(a *cli.App) *cobra.Command {
	var o listenOptions
	c := &cobra.Command{
		Use:   "listen",
		Short: "Show events as a receiver would get them, and forward them to a program on this machine",
		Long: `Show events as a receiver would get them, and forward them to a program on this
machine. No public address is needed: deliveries are pulled over the API.

It makes an endpoint of its own, named after you, with a secret of its own, and
removes it when it ends. Each delivery is shown with what its signature is worth.
With --forward-to it is sent on with the very headers and body, and what your
program answers counts: 2xx takes the delivery, anything else has it retried as the
schedule of the dialect, or --retry, says. Without, each delivery is taken.

The endpoint of a listener that was killed is removed by the next listener, once
nothing was heard of it for a quarter of an hour.`,
		Example: `  tidings listen
  tidings listen --types 'order.*' --forward-to http://localhost:3000/hooks
  tidings listen --types order.paid --filter 'data.amount > 100' --print-json | jq .body`,
		Args: usage.NoArguments(),
	}
	f := c.Flags()
	f.StringVar(&o.forward, "forward-to", "", "URL of a program to send each delivery to")
	f.StringSliceVar(&o.types, "types", []string{"*"}, "patterns of event types")
	f.StringArrayVar(&o.filters, "filter", nil, "condition on the event: a CEL expression, or a filter in JSON; several must all be met")
	f.StringVar(&o.dialect, "dialect", string(schemas.DialectStandard), "how deliveries are worded and signed: standard, cloudevents, roq, oneroute, roam or relaybox")
	f.DurationSliceVar(&o.retry, "retry", nil, "when to try again what your program refuses, like 1s,10s,1m (default the dialect's schedule)")
	f.DurationVar(&o.timeout, "timeout", 15*time.Second, "how long your program may take; at most 25s")
	f.BoolVar(&o.printJSON, "print-json", false, "print one JSON object for each delivery")
	return a.Calling(c, func(c *cobra.Command, of call.Caller) error {
		l, err := newListener(o, of.API, c.OutOrStdout(), c.ErrOrStderr())
		if err != nil {
			return err
		}
		tenant, err := of.Tenant(c.Context())
		if err != nil {
			return err
		}
		of.HintTypes(c.Context(), o.types)
		return l.listen(c.Context(), schemas.TenantID(tenant))
	})
}

// listener pulls from an endpoint of its own.
type listener struct {
	o       listenOptions
	api     *listenAPI
	to      *http.Client // to the program deliveries are forwarded to
	show    *listenPrinter
	whoever string // user@host

	endpoint schemas.EndpointID
	verifier *signing.Verifier // nil if the dialect signs nothing
}

func newListener(o listenOptions, api *client.Client, out, notes io.Writer) (*listener, error) {
	if o.forward != "" {
		if _, err := schemas.ParseURL(o.forward); err != nil {
			return nil, schemas.Errorf(schemas.CodeInvalid, "--forward-to: %w", err)
		}
	}
	if o.timeout <= 0 || o.timeout > 25*time.Second {
		return nil, schemas.Errorf(schemas.CodeInvalid, "--timeout %s: use more than 0 and at most 25s: then somebody else could get the delivery", o.timeout)
	}
	keepRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &listener{
		o:       o,
		api:     &listenAPI{Client: api},
		to:      &http.Client{Timeout: o.timeout, CheckRedirect: keepRedirect},
		show:    newListenPrinter(out, notes, o.printJSON),
		whoever: whoListens(),
	}, nil
}

// whoListens is user@host.
func whoListens() string {
	name, host := "somebody", "somewhere"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return name + "@" + host
}

// name marks the endpoint as a listener's, and says when that last lived: who renames
// it writes it, and the registry knows when.
func (l *listener) name() string {
	who := l.whoever[:min(len(l.whoever), 150)]
	return strings.ToValidUTF8(listenMark+who+", seen "+time.Now().UTC().Format("2006-01-02T15:04:05Z"), "")
}

// listen pulls what is the tenant's until ctx ends.
func (l *listener) listen(ctx context.Context, tenant schemas.TenantID) error {
	l.api.tenant = tenant
	l.removeDead(ctx)
	if err := l.begin(ctx); err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), listenGrace)
		defer cancel()
		l.end(ctx)
	}()
	l.show.begin(l)
	stop := l.live(ctx)
	defer func() { stop() }()
	for pause := time.Duration(0); ; {
		found, err := l.api.poll(ctx, l.endpoint)
		if ctx.Err() != nil {
			return nil
		}
		if isGone(err) {
			l.show.note("the endpoint %s was removed: making another", l.endpoint)
			if err = l.begin(ctx); err == nil {
				stop()
				stop = l.live(ctx)
			}
		}
		switch e, answered := refusal(err); {
		case answered && e.Lasting():
			return err
		case err != nil:
			if pause = min(max(2*pause, listenPause), listenMaxPause); !l.rest(ctx, pause, err) {
				return nil
			}
			continue
		case pause > 0:
			l.show.note("connected again")
		}
		pause = 0
		l.handle(ctx, found)
	}
}

// rest waits after a failure, and reports whether ctx still stands.
func (l *listener) rest(ctx context.Context, pause time.Duration, why error) bool {
	wait := pause/2 + rand.N(pause/2) //nolint:gosec // jitter
	l.show.note("connection lost (%s): trying again in %s; what is published meanwhile waits", briefly(why), wait.Round(100*time.Millisecond))
	select {
	case <-time.After(wait):
		return true
	case <-ctx.Done():
		return false
	}
}

// briefly is why there was no connection, without the call, which is always the same.
func briefly(err error) string {
	e, ok := refusal(err)
	switch {
	case ok && e.Status != 0:
		return fmt.Sprintf("the API answered %d", e.Status)
	case ok && e.Unwrap() != nil:
		return e.Unwrap().Error()
	}
	return err.Error()
}

// begin makes the endpoint and its subscription.
func (l *listener) begin(ctx context.Context) error {
	dialect := schemas.Dialect(l.o.dialect)
	policy := map[string]any{"max_age": "24h", "max_held": 10_000}
	if l.o.retry != nil {
		delays := []schemas.Duration{}
		for _, d := range l.o.retry {
			delays = append(delays, schemas.Duration(d))
		}
		policy["retry"] = delays
	}
	made, err := client.As[listenerEndpoint](l.api.Post(ctx, l.api.path("endpoints"), map[string]any{
		"name": l.name(), "pull": true, "dialect": dialect, "policy": policy,
	}))
	if err != nil {
		return err
	}
	filters, err := call.Filters(l.o.filters)
	if err == nil {
		in := map[string]any{"endpoint": made.ID, "types": l.o.types, "filters": filters}
		_, err = l.api.Post(ctx, l.api.path("subscriptions"), in)
		err = call.Pointed(err, in)
	}
	verifier, unsigned := (*signing.Verifier)(nil), made.Secret == ""
	if err == nil && !unsigned {
		verifier, err = signing.NewVerifier(dialect, made.Secret)
	}
	if err != nil {
		return errors.Join(err, l.api.remove(context.WithoutCancel(ctx), made.ID))
	}
	l.endpoint, l.verifier = made.ID, verifier
	return nil
}

// end removes the endpoint.
func (l *listener) end(ctx context.Context) {
	if err := l.api.remove(ctx, l.endpoint); err != nil {
		l.show.note("the endpoint %s is not removed (%v): the next tidings listen removes it", l.endpoint, err)
		return
	}
	l.show.note("the endpoint %s is removed", l.endpoint)
}

// live says now and then that this listener lives, until stop.
func (l *listener) live(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	id, ended := l.endpoint, make(chan struct{})
	go func() { // stop waits for it
		defer close(ended)
		for {
			select {
			case <-time.After(listenSeen):
			case <-ctx.Done():
				return
			}
			_ = l.api.rename(ctx, id, l.name()) // the next time, or the poll tells
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// removeDead removes the endpoints of listeners of which nothing was heard for long.
func (l *listener) removeDead(ctx context.Context) {
	found, at, err := l.api.listeners(ctx)
	for _, e := range found {
		if err != nil || at.Sub(e.Updated) < listenGone {
			continue
		}
		if err = l.api.remove(ctx, e.ID); err == nil {
			l.show.note("removed %s, left behind by %q", e.ID, strings.TrimPrefix(e.Name, listenMark))
		}
	}
	if err != nil {
		l.show.note("endpoints that other listeners left behind are not removed: %v", err)
	}
}

// handle shows, forwards and settles what was pulled. What is under way when ctx ends
// is brought to its end.
func (l *listener) handle(ctx context.Context, found []schemas.Pulled) {
	ctx = context.WithoutCancel(ctx)
	var wg sync.WaitGroup
	for _, d := range found {
		if l.o.forward == "" {
			l.one(ctx, d)
			continue
		}
		wg.Go(func() { l.one(ctx, d) })
	}
	wg.Wait()
}

// one is a delivery's way.
func (l *listener) one(ctx context.Context, d schemas.Pulled) {
	h := heard{at: time.Now(), Pulled: d, dialect: l.o.dialect}
	if l.verifier != nil {
		h.signed = true
		h.verdict = l.verifier.Verify(h.header(), h.body(), h.at)
	}
	s := schemas.Settlement{Ack: []string{d.Receipt}}
	if l.o.forward != "" {
		h.forward(ctx, l.to, l.o.forward)
		if !h.taken() {
			s = schemas.Settlement{Nack: []schemas.Nack{{Receipt: d.Receipt, Reason: cmp.Or(h.failure, h.status)}}}
		}
	}
	h.settled = l.settle(ctx, d, s)
	l.show.delivery(h)
}

// settle tells Tidings, as long as that is of use.
func (l *listener) settle(ctx context.Context, d schemas.Pulled, s schemas.Settlement) schemas.Settled {
	for pause := listenPause; ; pause *= 2 {
		got, err := l.api.settle(ctx, l.endpoint, s)
		e, answered := refusal(err)
		lasting := answered && e.Lasting()
		if err == nil && got.Status != schemas.SettledUnavailable || lasting || time.Until(d.Until) < pause {
			return got
		}
		<-time.After(pause)
	}
}
