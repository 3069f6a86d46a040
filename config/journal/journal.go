package journal

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

const (
	// pace is how long records are gathered while they keep coming. One that comes
	// alone is sent at once.
	pace = 2 * time.Millisecond
	// maxMessage is at how many bytes a message is full.
	maxMessage = 128 << 10
	// patience is how long a stage waits for a record to be stored: less than the ack
	// wait, so that nothing is handed out again meanwhile.
	patience = 2 * time.Second
	// leaving is how long a process that stops still tries.
	leaving = 5 * time.Second
	// answerWait is how long one try may take, retryPause what comes between two.
	answerWait = 5 * time.Second
	retryPause = 200 * time.Millisecond
)

// Options are what a journal needs to know. The zero value asks for the defaults.
type Options struct {
	// MaxBytes bounds what waits to be stored: 64 MiB by default.
	MaxBytes int
	Log      *slog.Logger // discarded by default
}

// Journal writes LOG. It is safe for concurrent use.
type Journal struct {
	o       Options
	js      jetstream.JetStream
	name    string // of this process in message ids
	kick    chan struct{}
	storing sync.WaitGroup // batches

	full    atomic.Bool // set by SetFull
	dropped atomic.Uint64
	written atomic.Uint64

	mu    sync.Mutex // guards what follows
	open  map[schemas.TenantID]*batch
	ready []*batch // that are to be sent, in the order they began
	bytes int      // that wait or are being stored
	sent  uint64   // messages
	over  bool     // Run has ended
}

// batch is a message that is being filled, or stored.
type batch struct {
	tenant  schemas.TenantID
	body    []byte
	waiting []func() // to be called once it is stored, or after patience
	letGo   sync.Once
}

// New makes a journal on a connection. Nothing is written before Run.
func New(nc *nats.Conn, o Options) (*Journal, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = 64 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncTimeout(answerWait))
	if err != nil {
		return nil, err
	}
	return &Journal{o: o, js: js, name: rand.Text(), kick: make(chan struct{}, 1), open: map[schemas.TenantID]*batch{}}, nil
}

// lines are what records are written to on their way into a batch, and bodies those
// of batches that are stored: a journal makes no garbage but for what is unusual.
var (
	lines  = sync.Pool{New: func() any { return new([]byte) }}
	bodies = sync.Pool{New: func() any { return new([]byte) }}
)

// Add takes a record in; it is a [schemas.Journal].
func (j *Journal) Add(tenant schemas.TenantID, r schemas.Record, written func()) {
	line := lines.Get().(*[]byte) //nolint:forcetypeassert // what New makes
	*line = schemas.AppendRecord((*line)[:0], r)
	added := j.add(tenant, *line, written)
	lines.Put(line)
	if !added {
		j.dropped.Add(1)
		written()
		return
	}
	select {
	case j.kick <- struct{}{}:
	default:
	}
}

// add reports false if there is no room.
func (j *Journal) add(tenant schemas.TenantID, line []byte, written func()) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.over || j.full.Load() || j.bytes+len(line) > j.o.MaxBytes {
		return false
	}
	j.bytes += len(line)
	b := j.open[tenant]
	if b == nil || len(b.body)+len(line) > maxMessage {
		b = &batch{tenant: tenant, body: (*bodies.Get().(*[]byte))[:0]} //nolint:forcetypeassert // what New makes
		j.open[tenant] = b
		j.ready = append(j.ready, b)
	}
	b.body = append(b.body, line...)
	b.waiting = append(b.waiting, written)
	return true
}

// SetFull has records left out, or taken in again: there is no room to store them.
func (j *Journal) SetFull(full bool) { j.full.Store(full) }

// Dropped is how many records were left out.
func (j *Journal) Dropped() uint64 { return j.dropped.Load() }

// Written is how many records are known to be stored.
func (j *Journal) Written() uint64 { return j.written.Load() }

// Waiting is how many bytes of records wait to be stored.
func (j *Journal) Waiting() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.bytes
}

// Run writes until ctx ends, and then what is left.
func (j *Journal) Run(ctx context.Context) error {
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	said := time.Now()
	known := j.dropped.Load()
	for ctx.Err() == nil {
		select {
		case <-j.kick:
		case <-ctx.Done():
		}
		j.flush(work)
		select {
		case <-time.After(pace):
		case <-ctx.Done():
		}
		if n := j.dropped.Load(); n > known && time.Since(said) > time.Minute {
			j.o.Log.ErrorContext(ctx, "records left out of the delivery log: they cannot be stored, and no more fit into memory", "records", n-known)
			known, said = n, time.Now()
		}
	}
	j.mu.Lock()
	j.over = true
	j.mu.Unlock()
	j.flush(work)
	time.AfterFunc(leaving, cut)
	j.storing.Wait()
	return nil
}

// flush sends what has been gathered.
func (j *Journal) flush(ctx context.Context) {
	j.mu.Lock()
	ready := j.ready
	j.ready = nil
	clear(j.open)
	first := j.sent
	j.sent += uint64(len(ready))
	j.mu.Unlock()
	for i, b := range ready {
		id := j.name + "." + strconv.FormatUint(first+uint64(i), 10)
		j.storing.Go(func() { j.store(ctx, b, id) })
	}
}

// store stores a batch, as long as that takes, unless ctx ends.
func (j *Journal) store(ctx context.Context, b *batch, id string) {
	late := time.AfterFunc(patience, b.release)
	defer late.Stop()
	defer b.release()
	m := &nats.Msg{Subject: schemas.LogSubject(b.tenant), Header: nats.Header{}, Data: b.body}
	for tries := 1; ; tries++ {
		err := j.publish(ctx, m, id)
		if err == nil {
			j.written.Add(uint64(len(b.waiting)))
			break
		}
		if ctx.Err() != nil || errors.Is(err, nats.ErrMaxPayload) {
			j.dropped.Add(uint64(len(b.waiting)))
			j.o.Log.ErrorContext(ctx, "records left out of the delivery log", "records", len(b.waiting), "tenant", b.tenant, "error", err)
			break
		}
		j.o.Log.WarnContext(ctx, "write delivery log", "tenant", b.tenant, "tries", tries, "error", err)
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
		}
	}
	j.mu.Lock()
	j.bytes -= len(b.body)
	j.mu.Unlock()
	bodies.Put(&b.body)
}

func (j *Journal) publish(ctx context.Context, m *nats.Msg, id string) error {
	ack, err := j.js.PublishMsgAsync(m, jetstream.WithMsgID(id), jetstream.WithRetryAttempts(0))
	if err != nil {
		return err
	}
	select {
	case <-ack.Ok():
		return nil
	case err := <-ack.Err():
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// release tells those who wait.
func (b *batch) release() {
	b.letGo.Do(func() {
		for _, written := range b.waiting {
			written()
		}
	})
}
