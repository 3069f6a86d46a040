package streams

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// following is a bucket whose watches go on as soon as the connection is back, and
// whatever the server answers meanwhile. The client library's notice after 10 to 20 s
// that a server which was restarted has forgotten them; until then processes disagree
// about who is there. And they end for most errors then, which in a cluster may pass.
type following struct {
	jetstream.KeyValue
	nc *nats.Conn
}

// WatchAll is [jetstream.KeyValue.WatchAll].
func (f following) WatchAll(ctx context.Context, opts ...jetstream.WatchOpt) (jetstream.KeyWatcher, error) {
	return f.Watch(ctx, jetstream.AllKeys, opts...)
}

// Watch is [jetstream.KeyValue.Watch].
func (f following) Watch(ctx context.Context, keys string, opts ...jetstream.WatchOpt) (jetstream.KeyWatcher, error) {
	ctx, stop := context.WithCancel(ctx)
	w := &follower{of: f.KeyValue, keys: keys, opts: opts, updates: make(chan jetstream.KeyValueEntry), stop: stop}
	if err := w.begin(ctx, opts); err != nil {
		stop()
		return nil, err
	}
	connected := f.nc.StatusChanged(nats.CONNECTED)
	go func() {
		defer f.nc.RemoveStatusListener(connected)
		defer close(w.updates)
		w.follow(ctx, connected)
	}()
	return w, nil
}

// follower is a watch, and others in its place.
type follower struct {
	of      jetstream.KeyValue
	keys    string
	opts    []jetstream.WatchOpt
	watch   jetstream.KeyWatcher
	end     func() // ends watch
	last    uint64 // the newest revision that was handed over
	begun   bool   // so was the end of what was there at first
	updates chan jetstream.KeyValueEntry
	stop    func()
}

func (w *follower) Updates() <-chan jetstream.KeyValueEntry { return w.updates }

// Stop ends the watch: its updates are closed.
func (w *follower) Stop() error {
	w.stop()
	return nil
}

// follow hands entries over until ctx ends, the connection, or the bucket.
func (w *follower) follow(ctx context.Context, connected <-chan nats.Status) {
	defer func() { w.end() }()
	for {
		select {
		case entry, ok := <-w.watch.Updates():
			if !ok {
				w.end()
				if !w.again(ctx) {
					return
				}
				continue
			}
			if !w.hand(ctx, entry) {
				return
			}
		case <-connected:
			w.end()
			if !w.again(ctx) {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// hand hands one entry over. Of the entries that end what was there when a watch
// began, which are nil, only the first is one for who follows.
func (w *follower) hand(ctx context.Context, entry jetstream.KeyValueEntry) bool {
	if entry == nil && w.begun {
		return true
	}
	select {
	case w.updates <- entry:
	case <-ctx.Done():
		return false
	}
	if entry == nil {
		w.begun = true
	} else {
		w.last = entry.Revision()
	}
	return true
}

// watchPause is how long to wait before a watch that could not begin is tried again.
const watchPause = 250 * time.Millisecond

// again watches what is newer than what was handed over, unless nothing more can come.
func (w *follower) again(ctx context.Context) bool {
	opts := w.opts
	if w.last > 0 {
		opts = append(slices.Clip(opts), jetstream.ResumeFromRevision(w.last+1))
	}
	for {
		err := w.begin(ctx, opts)
		if err == nil {
			return true
		}
		if errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrStreamNotFound) {
			return false
		}
		select {
		case <-time.After(watchPause):
		case <-ctx.Done():
			return false
		}
	}
}

// begin begins a watch. The client library keeps a goroutine for each until its
// context ends.
func (w *follower) begin(ctx context.Context, opts []jetstream.WatchOpt) error {
	ctx, cancel := context.WithCancel(ctx)
	watch, err := w.of.Watch(ctx, w.keys, opts...)
	if err != nil {
		cancel()
		return err
	}
	w.watch = watch
	w.end = func() {
		cancel()
		go func() { // what it wants to tell still
			for range watch.Updates() {
			}
		}()
	}
	return nil
}
