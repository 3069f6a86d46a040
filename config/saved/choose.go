package saved

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// choice is which messages of the queues are put back: of each delivery one. A delivery
// that was read more than once has moved meanwhile. If each copy were put back, each
// would be retried, under the message ids and the schedule of the other: in the end
// JetStream would drop the one as the other's repetition, and the other as overtaken.
// For the same reason what fanout makes again is left to it.
type choice struct {
	best map[[16]byte]place
	// next is the first event that fanout matches again, by partition.
	next   []uint64
	layout schemas.Layout
	// history are endpoints that get stored events: of those it is not known who makes
	// which delivery again.
	history map[string]bool
}

// place is a line of a queue's file.
type place struct {
	file, line, attempts int
}

// known is what a message tells of its delivery.
type known struct {
	key      [16]byte
	delivery *schemas.Delivery
	kept     bool // it has the attempts of a delivery that waits in its place (package kept)
}

func knownOf(l *line) (k known, err error) {
	header := maps.Clone(schemas.Header(l.Header)) // ReadDelivery takes what it reads
	subject := l.Subject
	k.kept = strings.HasPrefix(subject, "later.") && l.Header.Get(jetstream.ScheduleHeader) == ""
	if tokens := strings.Split(subject, "."); len(tokens) >= 3 {
		subject = "ready.0." + tokens[2] // in each queue the endpoint is the third
	}
	if k.delivery, err = schemas.ReadDelivery(subject, header, l.Data); err != nil {
		return k, err
	}
	name := string(k.delivery.ID)
	if r := k.delivery.Replay; r != nil && !r.After.IsZero() {
		name += " " + r.After.UTC().String()
	}
	if k.kept {
		name += " kept"
	}
	sum := sha256.Sum256([]byte(name))
	copy(k.key[:], sum[:])
	return k, nil
}

// deliveries reports whether the queue has deliveries, and not the API's answers.
func (s *Stream) deliveries() bool { return s.Queue && s.Name != answers }

// choose reads the queues, and the registry.
func choose(dir string, m *Manifest) (c *choice, err error) {
	c = &choice{best: map[[16]byte]place{}, history: map[string]bool{}}
	for _, s := range m.Streams {
		if s.Name == schemas.StreamEvents {
			for _, consumer := range s.Consumers {
				c.next = append(c.next, consumer.Next)
			}
		}
	}
	if c.layout.Partitions = len(c.next); len(c.next) == 0 {
		return nil, schemas.Errorf(schemas.CodeInvalid, "the manifest does not tell where fanout was in %s: use another copy; nothing was written", schemas.StreamEvents)
	}
	if err := c.readHistories(filepath.Join(dir, m.Registry.Name)); err != nil {
		return nil, err
	}
	for i, s := range m.Streams {
		if !s.deliveries() {
			continue
		}
		if err := s.lines(dir, func(n int, l *line) error {
			c.see(l, place{file: i, line: n})
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// readHistories reads who gets stored events.
func (c *choice) readHistories(path string) error {
	content, err := os.ReadFile(path) //nolint:gosec // a file of the backup
	if err != nil {
		return err
	}
	return entries(content, func(key string, value []byte) {
		var s struct {
			Endpoint string
			History  json.RawMessage
		}
		if strings.HasPrefix(key, "subscription.") && json.Unmarshal(value, &s) == nil && s.History != nil {
			c.history[s.Endpoint] = true
		}
	})
}

// see prefers the copy with the most attempts, and of these the one that was read last.
// What is no delivery is put back as it is: who reads it lets it die with the reason.
func (c *choice) see(l *line, at place) {
	k, err := knownOf(l)
	if err != nil {
		return
	}
	at.attempts = k.delivery.Attempts
	if best, found := c.best[k.key]; !found || at.attempts >= best.attempts {
		c.best[k.key] = at
	}
}

// takes reports whether a message is put back, and gives it the message id under which
// whoever makes the delivery again would store it first.
func (c *choice) takes(file, n int, l *line) bool {
	k, err := knownOf(l)
	if err != nil {
		return true
	}
	if at := c.best[k.key]; at.file != file || at.line != n {
		return false
	}
	d := k.delivery
	_, sequence, _ := d.ID.Accepted() // ReadDelivery has checked the id
	if d.Replay == nil && !c.history[string(d.Endpoint)] && sequence >= c.next[c.layout.TenantPartition(d.Tenant)] {
		return false
	}
	if !k.kept {
		d.Attempts = 0
		l.Header.Set(nats.MsgIdHdr, d.MessageID())
	}
	return true
}

// entries are those of a file of the registry.
func entries(content []byte, take func(key string, value []byte)) error {
	lines := bufio.NewScanner(bytes.NewReader(content))
	lines.Buffer(nil, len(content)+1)
	for lines.Scan() {
		var e struct {
			Key   string
			Value []byte
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return err
		}
		take(e.Key, e.Value)
	}
	return lines.Err()
}
