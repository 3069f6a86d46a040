package registry

import (
	"context"
	"log/slog"
	"strings"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// Watcher hands every record, and from then on every change, to functions that
// keep a picture of the registry.
type Watcher struct {
	watch jetstream.KeyWatcher
	log   *slog.Logger
	apply []func(schemas.Change)

	mu   sync.Mutex    // guards what follows
	seen uint64        // the revision of the newest change passed on
	news chan struct{} // closed and replaced at each change
}

// Watch starts a watcher and hands over all that is in the registry now; it
// returns when that is done. So a stage that starts after it never sees an
// empty registry. [Watcher.Run] then passes on the changes.
func (r *Registry) Watch(ctx context.Context, log *slog.Logger, apply ...func(schemas.Change)) (*Watcher, error) {
	kw, err := r.kv.WatchAll(ctx)
	if err != nil {
		return nil, unavailable("watch", err)
	}
	w := &Watcher{watch: kw, log: log, apply: apply, news: make(chan struct{})}
	for {
		select {
		case entry, ok := <-kw.Updates():
			if !ok {
				return nil, unavailable("watch", context.Cause(ctx))
			}
			if entry == nil { // all there was has been delivered
				return w, nil
			}
			w.pass(entry)
		case <-ctx.Done():
			return nil, unavailable("watch", context.Cause(ctx))
		}
	}
}

// Run passes on changes until ctx ends.
func (w *Watcher) Run(ctx context.Context) error {
	defer w.watch.Stop() //nolint:errcheck // the subscription ends with the connection too
	for {
		select {
		case entry, ok := <-w.watch.Updates():
			if !ok {
				return nil
			}
			if entry != nil {
				w.pass(entry)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// pass skips a record that does not parse: it must not stop the others.
func (w *Watcher) pass(entry jetstream.KeyValueEntry) {
	defer w.saw(entry.Revision())
	if strings.HasPrefix(entry.Key(), secretPrefix) {
		return // nobody's picture
	}
	c, err := change(entry)
	if err != nil {
		w.log.Error("registry record skipped", "key", entry.Key(), "revision", entry.Revision(), "error", err)
		return
	}
	for _, apply := range w.apply {
		apply(c)
	}
}

func (w *Watcher) saw(revision uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = revision
	close(w.news)
	w.news = make(chan struct{})
}

// CaughtUp returns once the watcher has passed on every change that the
// registry holds now.
func (w *Watcher) CaughtUp(ctx context.Context, r *Registry) error {
	status, err := r.kv.Status(ctx)
	if err != nil {
		return unavailable("status", err)
	}
	now := status.(*jetstream.KeyValueBucketStatus).StreamInfo().State.LastSeq
	for {
		w.mu.Lock()
		seen, news := w.seen, w.news
		w.mu.Unlock()
		if seen >= now {
			return nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return unavailable("watch", context.Cause(ctx))
		}
	}
}
