package deliverylog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

const (
	// A batch is stored when it has so many records, or bytes of messages, or when
	// gather has passed since its first message came and there is no other.
	maxRecords = 1000
	maxBytes   = 4 << 20
	gather     = 20 * time.Millisecond
	// ahead is how many messages, and aheadBytes how much of them, JetStream sends
	// before they are asked for.
	ahead      = 500
	aheadBytes = 4 << 20
	// idle is how long no message comes before the position is looked at: somebody may
	// want a rebuild, or project too. Who does has the database to itself for standby.
	idle    = time.Second
	standby = time.Second
	// applyWait bounds how long a batch may take. What takes longer is tried again.
	applyWait = time.Minute
	// What fails is tried again after firstPause, then after twice as long each time,
	// up to lastPause.
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// Options are what a projector needs to know. The zero value asks for the defaults.
type Options struct {
	Log *slog.Logger // discarded by default
	// Yield is called before each batch is stored, and may wait: for deliveries that
	// need the machine. By default nobody waits.
	Yield func(ctx context.Context)
}

// Projector keeps a store up to date with LOG.
type Projector struct {
	js    jetstream.JetStream
	store *Store
	o     Options

	applied atomic.Uint64 // set by Run: the position's sequence
	unread  atomic.Uint64 // set by Run: the position's
}

// NewProjector makes a projector. It reads nothing before Run.
func NewProjector(js jetstream.JetStream, store *Store, o Options) *Projector {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Yield == nil {
		o.Yield = func(context.Context) {}
	}
	return &Projector{js: js, store: store, o: o}
}

// Run stores what comes into LOG until ctx ends, from where the store's position is.
// While the database or JetStream is away it tries again. It returns nil.
func (p *Projector) Run(ctx context.Context) error {
	pause := firstPause
	for ctx.Err() == nil {
		began := p.applied.Load()
		err := p.follow(ctx)
		if ctx.Err() != nil {
			break
		}
		if errors.Is(err, errMoved) {
			wait(ctx, standby)
			continue
		}
		if p.applied.Load() != began {
			pause = firstPause
		}
		p.o.Log.WarnContext(ctx, "delivery log waits", "for", pause, "error", err)
		wait(ctx, pause)
		pause = min(2*pause, lastPause)
	}
	return nil
}

// wait waits, unless ctx ends.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// follow applies batches from the store's position on until something fails.
func (p *Projector) follow(ctx context.Context) error {
	stream, err := p.js.Stream(ctx, schemas.StreamLog)
	if err != nil {
		return fmt.Errorf("read stream %s: %w", schemas.StreamLog, err)
	}
	at, err := p.begin(ctx, stream.CachedInfo())
	if err != nil {
		return err
	}
	p.note(at)
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: at.sequence + 1, // or the next that there is
	})
	if err != nil {
		return fmt.Errorf("read stream %s: %w", schemas.StreamLog, err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessagesWithBytesLimit(ahead, aheadBytes))
	if err != nil {
		return fmt.Errorf("read stream %s: %w", schemas.StreamLog, err)
	}
	defer messages.Stop()
	for {
		b, err := fill(ctx, messages)
		if err != nil {
			return err
		}
		if b.to == 0 {
			if err := p.stillAt(ctx, at); err != nil {
				return err
			}
			continue
		}
		p.o.Yield(ctx)
		if at, err = p.apply(ctx, at, b); err != nil {
			return err
		}
	}
}

// begin is the position to go on from.
func (p *Projector) begin(ctx context.Context, info *jetstream.StreamInfo) (at position, err error) {
	for {
		at, err = readPosition(ctx, p.store.write, "")
		if err != nil || !at.emptying {
			break
		}
		if err := p.store.empty(ctx); err != nil {
			return at, err
		}
	}
	made := info.Created.UTC().Format(time.RFC3339Nano)
	if err != nil || at.stream == made && at.sequence <= info.State.LastSeq {
		return at, err
	}
	if at.stream != "" {
		p.o.Log.WarnContext(ctx, "LOG is not the stream that it was: it is read from its beginning", "position", at.sequence, "last", info.State.LastSeq)
	}
	anew := position{stream: made, unread: at.unread}
	return anew, p.store.inTx(ctx, func(tx *sql.Tx) error {
		now, err := readPosition(ctx, tx, p.store.dialect.lock)
		if err == nil && now != at {
			err = errMoved
		}
		if err != nil {
			return err
		}
		return p.store.writePosition(ctx, tx, anew)
	})
}

// stillAt returns errMoved if the position is another.
func (p *Projector) stillAt(ctx context.Context, at position) error {
	now, err := readPosition(ctx, p.store.read, "")
	if err == nil && now != at {
		err = errMoved
	}
	return err
}

// fill waits for a message, and makes a batch of it and those that follow. It is empty
// if none comes for a while.
func fill(ctx context.Context, messages jetstream.MessagesContext) (*batch, error) {
	b := newBatch()
	patience := idle
	var first time.Time
	for b.records < maxRecords && b.bytes < maxBytes {
		limited, cancel := context.WithTimeout(ctx, patience)
		m, err := messages.Next(jetstream.NextContext(limited))
		cancel()
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read stream %s: %w", schemas.StreamLog, err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return nil, fmt.Errorf("read stream %s: %w", schemas.StreamLog, err)
		}
		b.add(meta.Sequence.Stream, m.Subject(), m.Data())
		if first.IsZero() {
			first = time.Now()
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if meta.NumPending == 0 && time.Since(first) > gather {
			break
		}
		patience = gather
	}
	return b, nil
}

// apply stores a batch, however often it has to be tried while the database is away.
func (p *Projector) apply(ctx context.Context, at position, b *batch) (position, error) {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		limited, cancel := context.WithTimeout(ctx, applyWait)
		to, err := p.store.apply(limited, at, b)
		cancel()
		if err == nil {
			p.note(to)
			if b.unread > 0 {
				p.o.Log.WarnContext(ctx, "lines of LOG that are no records are left out of the delivery log", "lines", b.unread, "up_to", b.to)
			}
			return to, nil
		}
		if errors.Is(err, errMoved) || ctx.Err() != nil {
			return at, err
		}
		p.o.Log.WarnContext(ctx, "store delivery log", "up_to", b.to, "records", b.records, "again_in", pause, "error", err)
		wait(ctx, pause)
	}
}

func (p *Projector) note(at position) {
	p.applied.Store(at.sequence)
	p.unread.Store(at.unread)
}

// Rebuild has the tables emptied and made anew of what LOG has. It returns at once:
// whoever runs on this store, now or later, does it.
func (p *Projector) Rebuild(ctx context.Context) error {
	err := p.store.inTx(ctx, func(tx *sql.Tx) error {
		at, err := readPosition(ctx, tx, p.store.dialect.lock)
		if err != nil {
			return err
		}
		at.emptying = true
		return p.store.writePosition(ctx, tx, at)
	})
	if err != nil {
		return unavailable("rebuild delivery log", err)
	}
	return nil
}

// Progress is how far a projection has come.
type Progress struct {
	Applied uint64 // the sequence in LOG up to which all is in the tables
	Last    uint64 // the last sequence in LOG
	Unread  uint64 // lines of LOG that were no records
	// Emptying is set while a rebuild was asked for, and the tables are not yet empty.
	Emptying bool
	// Lag is how long the oldest message that is not in the tables has been in LOG; 0
	// if there is none.
	Lag time.Duration
}

// Progress asks the store and LOG. Whoever runs may be another process.
func (p *Projector) Progress(ctx context.Context) (Progress, error) {
	at, err := readPosition(ctx, p.store.read, "")
	if err != nil {
		return Progress{}, unavailable("read progress of delivery log", err)
	}
	stream, err := p.js.Stream(ctx, schemas.StreamLog)
	if err != nil {
		return Progress{}, unavailable("read stream LOG", err)
	}
	made := Progress{Applied: at.sequence, Last: stream.CachedInfo().State.LastSeq, Unread: at.unread, Emptying: at.emptying}
	if made.Applied >= made.Last {
		return made, nil
	}
	next, err := stream.GetMsg(ctx, made.Applied+1, jetstream.WithGetMsgSubject(schemas.LogSubjects))
	if errors.Is(err, jetstream.ErrMsgNotFound) { // what there was has been removed
		return made, nil
	}
	if err != nil {
		return Progress{}, unavailable("read stream LOG", err)
	}
	made.Lag = max(0, time.Since(next.Time))
	return made, nil
}
