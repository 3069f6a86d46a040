package saved

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats-server/v2/server/archive"
	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/schemas"
)

// JetStream's two requests (nats-server, jetstream_api.go).
const (
	apiSnapshot = "$JS.API.STREAM.SNAPSHOT."
	apiRestore  = "$JS.API.STREAM.RESTORE."
)

const (
	// chunkSize is what a message of a snapshot has, in bytes.
	chunkSize = 128 << 10
	// silence is how long JetStream may be silent in between.
	silence = time.Minute
	// storing is how long it may take to store what it was sent.
	storing = time.Hour
)

// apiError is JetStream's.
type apiError struct {
	Code        int    `json:"code"`
	Description string `json:"description"`
}

func (e *apiError) Error() string { return e.Description }

// ask makes a request of JetStream's.
func ask(ctx context.Context, nc *nats.Conn, subject string, request, answer any) error {
	text, err := json.Marshal(request)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, subject, text)
	if err != nil {
		return err
	}
	return read(m, answer)
}

// read reads JetStream's answer; answer may be nil.
func read(m *nats.Msg, answer any) error {
	var failed struct {
		Error *apiError `json:"error"`
	}
	if len(m.Data) > 0 {
		if err := json.Unmarshal(m.Data, &failed); err != nil {
			return err
		}
	}
	if failed.Error != nil {
		return failed.Error
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(m.Data, answer)
}

// snapshot is a stream as its snapshot has it.
type snapshot struct {
	Config json.RawMessage `json:"config"`
	State  json.RawMessage `json:"state"`
}

// receive writes a snapshot of a stream to w. Done is told of its bytes. DEAD's has its
// consumer, whose place cannot be set.
func receive(ctx context.Context, nc *nats.Conn, stream string, w io.Writer, done func(int)) (of snapshot, err error) {
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox) // JetStream has no more under way than it was told arrived
	if err != nil {
		return of, err
	}
	defer sub.Unsubscribe() //nolint:errcheck // it ends with the connection too
	request := map[string]any{"deliver_subject": inbox, "no_consumers": stream != schemas.StreamDead, "chunk_size": chunkSize}
	if err := ask(ctx, nc, apiSnapshot+stream, request, &of); err != nil {
		return of, err
	}
	for {
		m, err := next(ctx, sub)
		if err != nil {
			return of, err
		}
		if len(m.Data) == 0 {
			return of, ended(m)
		}
		if _, err := w.Write(m.Data); err != nil {
			return of, err
		}
		done(len(m.Data))
		if m.Reply == "" { // the last
			continue
		}
		if err := m.Respond(nil); err != nil {
			return of, err
		}
	}
}

func next(ctx context.Context, sub *nats.Subscription) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	return sub.NextMsgWithContext(ctx)
}

// ended is how a snapshot did.
func ended(m *nats.Msg) error {
	if status := m.Header.Get("Status"); status != "" && status != "204" {
		return fmt.Errorf("JetStream gave up: %s %s", status, m.Header.Get("Description"))
	}
	return nil
}

// inspect reads a snapshot to its end, and counts.
func inspect(path string) (messages int, last uint64, err error) {
	f, err := os.Open(path) //nolint:gosec // a file of the backup
	if err != nil {
		return 0, 0, err
	}
	defer f.Close() //nolint:errcheck // read only
	entries := archive.NewReader(s2.NewReader(f))
	for {
		h, err := entries.Next()
		switch {
		case err != nil:
			return 0, 0, fmt.Errorf("the snapshot ends behind %d messages: %w", messages, err)
		case h.Name == "": // the end, which says itself
			return messages, last, nil
		case h.Sequence == 0: // the stream's state, a consumer
			if h.Name != "state.json" {
				continue
			}
			var state struct {
				Last uint64 `json:"last_seq"`
			}
			if err := json.NewDecoder(entries).Decode(&state); err != nil {
				return 0, 0, err
			}
			last = state.Last
		default:
			messages++
		}
	}
}

// restoring is a stream that JetStream makes of a snapshot.
type restoring struct {
	nc      *nats.Conn
	stream  string
	request snapshot
}

// send sends the snapshot; accepted is told once JetStream makes the stream. If it returns
// an error, JetStream waits for no more of it.
func (r restoring) send(ctx context.Context, snapshot io.Reader, accepted func(), done func(int)) (err error) {
	var to struct {
		Subject string `json:"deliver_subject"`
	}
	if err := ask(ctx, r.nc, apiRestore+r.stream, r.request, &to); err != nil {
		return err
	}
	accepted()
	hand := func(ctx context.Context, chunk []byte, wait time.Duration) error {
		ctx, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		m, err := r.nc.RequestWithContext(ctx, to.Subject, chunk)
		if err != nil {
			return err
		}
		return read(m, nil)
	}
	defer func() {
		if err != nil && !schemas.HasCode(context.Cause(ctx), schemas.CodeForbidden) { // or it does not hear that either
			_ = hand(context.WithoutCancel(ctx), nil, silence) // which it refuses
		}
	}()
	for {
		chunk := make([]byte, chunkSize)
		n, err := io.ReadFull(snapshot, chunk)
		if n > 0 {
			if err := hand(ctx, chunk[:n], silence); err != nil {
				return err
			}
			done(n)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return hand(ctx, nil, storing)
		}
		if err != nil {
			return err
		}
	}
}

// archives tells whether a server writes snapshots message by message: from 2.15 on.
func archives(serverVersion string) bool {
	var major, minor int
	_, err := fmt.Sscanf(strings.TrimPrefix(serverVersion, "v"), "%d.%d", &major, &minor)
	return err == nil && (major > 2 || major == 2 && minor >= 15)
}
