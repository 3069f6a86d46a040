package registry

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/registry/sealed"
	"github.com/tidings-dev/tidings/schemas"
)

// Watcher hands every record, and from then on every change, to functions that
// keep a picture of the registry.
type Watcher struct {
	registry *Registry
	watch    jetstream.KeyWatcher
	log      *slog.Logger
	apply    []func(schemas.Change)
	kept     []reading // what came while a restore goes on: not passed on yet
	aged     bool      // something that was there was [reading] aged: set by load

	mu   sync.Mutex    // guards what follows
	seen uint64        // the revision of the newest change passed on
	news chan struct{} // closed and replaced at each change
}

// Watch starts a watcher and hands over all that is in the registry now; it
// returns when that is done. So a stage that starts after it never sees an
// empty registry. [Watcher.Run] then passes on the changes. What a change points
// at is shared by all the functions: none may alter it.
//
// What is there is read by the keys of records only, since half of all keys are
// lists. From then on it watches all: so it knows how far it has come by the
// bucket's own count. What changes meanwhile may be handed over twice.
func (r *Registry) Watch(ctx context.Context, log *slog.Logger, apply ...func(schemas.Change)) (*Watcher, error) {
	w := r.watcher(log, apply...)
	before, err := r.newest(ctx)
	if err != nil {
		return nil, err
	}
	if err := w.load(ctx); err != nil {
		return nil, err
	}
	kw, err := r.kv.WatchAll(ctx, jetstream.ResumeFromRevision(before+1))
	if err != nil {
		return nil, unavailable("watch", err)
	}
	w.watch = kw
	if err := drain(ctx, kw, w.pass); err != nil {
		return nil, err
	}
	if err := w.untilWhole(ctx); err != nil { // a restore began meanwhile
		return nil, err
	}
	if w.seen < before { // the newest message is no longer there to be seen
		w.saw(before)
	}
	return w, nil
}

// newest is the revision of the newest change, as the bucket's leader knows it.
func (r *Registry) newest(ctx context.Context) (uint64, error) {
	status, err := r.kv.Status(ctx)
	if err != nil {
		return 0, unavailable("status", err)
	}
	return status.(*jetstream.KeyValueBucketStatus).StreamInfo().State.LastSeq, nil
}

func (r *Registry) watcher(log *slog.Logger, apply ...func(schemas.Change)) *Watcher {
	return &Watcher{registry: r, log: log, apply: apply, news: make(chan struct{})}
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

// pass hands over one change.
func (w *Watcher) pass(entry jetstream.KeyValueEntry) {
	w.deliver(w.registry.read(entry))
	w.saw(entry.Revision())
}

// Aged reports whether an older key than the newest had sealed anything of what was
// there when the watch began: then there is something to [Registry.Reseal].
func (w *Watcher) Aged() bool { return w.aged }

// reading is what an entry says; nothing if change and err are nil.
type reading struct {
	entry  jetstream.KeyValueEntry
	change *schemas.Change
	aged   bool // an older key than the newest has sealed something of it
	err    error
	// restoring says that it is of no picture, and tells of a restore.
	restoring bool
}

func (r *Registry) read(entry jetstream.KeyValueEntry) reading {
	kind, id, _ := strings.Cut(entry.Key(), ".")
	switch kind + "." {
	case restoringPrefix:
		return reading{entry: entry, restoring: true}
	case secretPrefix:
		return reading{aged: r.aged(sealedIn(entry))} // nobody's picture
	case listPrefix, roqPrefix, progressPrefix, usedPrefix, failingPrefix, storedPrefix, jobPrefix, erasurePrefix:
		return reading{}
	}
	c, text, err := r.change(kind, id, entry)
	if err != nil {
		return reading{entry: entry, aged: r.aged(text), err: err}
	}
	return reading{entry: entry, aged: r.aged(text), change: &c}
}

// aged reports whether the newest key would seal a text anew.
func (r *Registry) aged(text string) bool {
	return text != "" && r.keys != nil && !r.keys.Current(text)
}

// deliver skips a record that does not parse: it must not stop the others, and
// who keeps a picture keeps what was there before.
func (w *Watcher) deliver(r reading) {
	switch {
	case r.restoring:
		w.restore(r.entry)
	case w.registry.Whole() != nil:
		if r.err != nil || r.change != nil {
			w.kept = append(w.kept, r)
		}
	case r.err != nil:
		w.log.Error("registry record skipped", "key", r.entry.Key(), "revision", r.entry.Revision(), "error", r.err)
	case r.change != nil:
		for _, apply := range w.apply {
			apply(*r.change)
		}
	}
}

// change reads one update of the bucket. Text is what is sealed of it; empty if
// nothing is.
func (r *Registry) change(kind, id string, entry jetstream.KeyValueEntry) (c schemas.Change, text string, err error) {
	c = schemas.Change{Removed: entry.Operation() != jetstream.KeyValuePut, Version: entry.Revision(), Updated: entry.Created()}
	read := func(v any) error {
		if c.Removed {
			return nil
		}
		return json.Unmarshal(entry.Value(), v)
	}
	switch kind {
	case "tenant":
		c.Tenant = &schemas.Tenant{ID: schemas.TenantID(id)}
		err = read(c.Tenant)
	case "endpoint":
		if c.Removed {
			c.Endpoint = &schemas.Endpoint{ID: schemas.EndpointID(id)}
		} else {
			c.Endpoint, text, err = sealed.Decode(r.keys, entry.Value())
		}
	case "type":
		t := eventTypeOf(id)
		c.EventType = &t
		err = read(c.EventType)
	case "subscription":
		c.Subscription = &schemas.Subscription{ID: schemas.SubscriptionID(id)}
		err = read(c.Subscription)
	case "token":
		c.Token = &schemas.Token{ID: schemas.TokenID(id)}
		err = read(c.Token)
	default:
		err = schemas.Errorf(schemas.CodeInvalid, "key %q is none of Tidings'", entry.Key())
	}
	return c, text, err
}

func (w *Watcher) saw(revision uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.registry.Whole() == nil {
		w.seen = revision
	}
	close(w.news)
	w.news = make(chan struct{})
}

// CaughtUp returns once the watcher has passed on every change that the
// registry holds now: what it feeds then shows every write that had returned
// before, whichever process made it. While a restore goes on it is an error: the
// watcher passes nothing on until that has ended.
func (w *Watcher) CaughtUp(ctx context.Context, r *Registry) error {
	now, err := r.newest(ctx)
	if err != nil {
		return err
	}
	for {
		w.mu.Lock()
		seen, news := w.seen, w.news
		w.mu.Unlock()
		if err := w.registry.Whole(); err != nil {
			return err
		}
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
