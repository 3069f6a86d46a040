package direct_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/dispatcher/direct"
	"github.com/tidings-dev/tidings/schemas"
)

func TestMain(m *testing.M) { streamstest.Main(m) }

// stored makes a stream that holds a message of held.0.ep_b at 1 and n of
// held.0.ep_a from 2 on, each with its number, and every other with a header.
func stored(t *testing.T, n int) (*nats.Conn, string) {
	t.Helper()
	o := streamstest.Small()
	o.Layout.Partitions, o.Layout.Shards = 1, 1
	env := streamstest.Start(t, o)
	js, err := jetstream.New(env.NC)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n + 1 {
		m := &nats.Msg{Subject: "held.0.ep_a", Data: fmt.Append(nil, i)}
		if i == 0 {
			m.Subject = "held.0.ep_b"
		}
		if i%2 == 0 {
			m.Header = nats.Header{"Number": {fmt.Sprint(i), "again"}}
		}
		if _, err := js.PublishMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	return env.NC, env.Layout.DeliveriesStream(0)
}

// want checks that m is what was stored at a sequence.
func want(t *testing.T, m direct.Message, sequence uint64) {
	t.Helper()
	number := fmt.Sprint(sequence - 1)
	if m.Sequence != sequence || string(m.Data) != number {
		t.Errorf("got %q at %d, want %q at %d", m.Data, m.Sequence, number, sequence)
	}
	header := sequence%2 == 1
	if got := m.Header["Number"]; header && (len(got) != 2 || got[0] != number || got[1] != "again") || !header && got != nil {
		t.Errorf("%d: header %q", sequence, got)
	}
}

func TestBatch(t *testing.T) {
	nc, stream := stored(t, 300)
	from, read := uint64(0), uint64(2)
	for {
		batch, err := direct.Batch(t.Context(), nc, stream, "held.0.ep_a", from)
		if err != nil {
			t.Fatal(err)
		}
		if len(batch) == 0 {
			break
		}
		if len(batch) > 128 {
			t.Errorf("a batch of %d", len(batch))
		}
		for _, m := range batch {
			want(t, m, read)
			read++
		}
		from = read
	}
	if read != 302 {
		t.Errorf("read up to %d, want 301", read-1)
	}
	if _, err := direct.Batch(t.Context(), nc, "NONE", "held.0.ep_a", 0); err == nil {
		t.Error("a stream that does not exist was read")
	}
}

func TestGet(t *testing.T) {
	nc, stream := stored(t, 4)
	for sequence, subject := range map[uint64]string{1: "held.0.ep_b", 2: "held.0.ep_a", 5: "held.0.ep_a"} {
		m, err := direct.Get(t.Context(), nc, stream, sequence)
		if err != nil || m == nil {
			t.Fatalf("%d: %v, %v", sequence, m, err)
		}
		want(t, *m, sequence)
		if m.Subject != subject || time.Since(m.Time) > time.Minute || m.Time.After(time.Now()) {
			t.Errorf("%d: %s, stored at %s", sequence, m.Subject, m.Time)
		}
	}
	if m, err := direct.Get(t.Context(), nc, stream, 6); m != nil || err != nil {
		t.Errorf("what is not there: %v, %v", m, err)
	}
	if _, err := direct.Get(t.Context(), nc, "NONE", 1); err == nil {
		t.Error("a stream that does not exist was read")
	}
}

// A replica that has not got a message yet does not make it one that is gone.
func TestGetAsksTheLeader(t *testing.T) {
	nc, stream := stored(t, 4)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	config := s.CachedInfo().Config
	config.AllowDirect = false
	if _, err := js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	status := "404 Message Not Found"
	if _, err := nc.Subscribe("$JS.API.DIRECT.GET."+stream, func(m *nats.Msg) {
		answer := nats.NewMsg(m.Reply)
		answer.Header.Set("Status", status[:3])
		_ = m.RespondMsg(answer)
	}); err != nil {
		t.Fatal(err)
	}
	m, err := direct.Get(t.Context(), nc, stream, 3)
	if err != nil || m == nil {
		t.Fatalf("%v, %v", m, err)
	}
	want(t, *m, 3)
	if m.Subject != "held.0.ep_a" || time.Since(m.Time) > time.Minute || m.Time.After(time.Now()) {
		t.Errorf("%s, stored at %s", m.Subject, m.Time)
	}
	if m, err := direct.Get(t.Context(), nc, stream, 6); m != nil || err != nil {
		t.Errorf("what is not there: %v, %v", m, err)
	}
	status = "408 Bad Request"
	if m, err := direct.Get(t.Context(), nc, stream, 3); m != nil || !schemas.HasCode(err, schemas.CodeUnavailable) {
		t.Errorf("an answer that says nothing: %v, %v", m, err)
	}
}

func TestNextAndLast(t *testing.T) {
	nc, stream := stored(t, 4)
	for from, sequence := range map[uint64]uint64{0: 2, 1: 2, 2: 2, 3: 3, 5: 5, 6: 0} {
		m, err := direct.Next(t.Context(), nc, stream, "held.0.ep_a", from)
		switch {
		case err != nil:
			t.Fatal(err)
		case m == nil != (sequence == 0):
			t.Errorf("from %d: got %+v", from, m)
		case m != nil:
			want(t, *m, sequence)
		}
	}
	m, err := direct.Last(t.Context(), nc, stream, "held.0.ep_a")
	if err != nil || m == nil {
		t.Fatalf("last: %v, %v", m, err)
	}
	want(t, *m, 5)
	if m, err := direct.Last(t.Context(), nc, stream, "held.0.ep_none"); m != nil || err != nil {
		t.Errorf("last of nothing: %v, %v", m, err)
	}
	if _, err := direct.Last(t.Context(), nc, "NONE", "held.0.ep_a"); err == nil {
		t.Error("a stream that does not exist was read")
	}
}
