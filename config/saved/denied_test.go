package saved_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/broker"
	"github.com/tidings-dev/tidings/config/saved"
	"github.com/tidings-dev/tidings/schemas"
)

// A user who may not do all of it is told at once what is denied.
func TestDenied(t *testing.T) {
	r := newRig(t)
	for range 3 {
		r.event("x")
	}
	for i := range 600 {
		r.put(layout.ReadySubject("ep_history"), delivery(uint64(i+1), "ep_history", 0))
	}
	r.matched(2)
	dir, _ := r.save()
	users := filepath.Join(t.TempDir(), "users.conf")
	check(t, os.WriteFile(users, []byte(`accounts {
		TIDINGS { jetstream: enabled, users: [
			{user: all, password: x},
			{user: few, password: x, permissions: {publish: {deny: ["$JS.API.STREAM.RESTORE.>", "$JS.API.STREAM.SNAPSHOT.>"]}}},
			{user: queue, password: x, permissions: {publish: {deny: "ready.>"}}},
			{user: chunks, password: x, permissions: {publish: {deny: "$JS.SNAPSHOT.>"}}},
		]},
		OTHER { jetstream: enabled, users: [
			{user: fewer, password: x, permissions: {publish: {deny: ["$JS.API.STREAM.RESTORE.>", "$JS.API.STREAM.DELETE.>"]}}},
			{user: none, password: x, permissions: {publish: {deny: ">"}}},
		]},
	}`), 0o600))
	s, err := broker.StartEmbedded(t.Context(), broker.Embedded{DataDir: t.TempDir(), Users: users, Listen: "127.0.0.1:0"}, slog.New(slog.DiscardHandler))
	check(t, err)
	t.Cleanup(s.Close)
	as := func(user string) *rig {
		nc, err := nats.Connect(s.URL(), nats.UserInfo(user, "x"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
		check(t, err)
		t.Cleanup(nc.Close)
		js, err := jetstream.New(nc)
		check(t, err)
		return &rig{t: t, nc: nc, js: js}
	}
	denied := func(what string, err error, says ...string) {
		t.Helper()
		for _, says := range append(says, "NATS denies") {
			if !schemas.HasCode(err, schemas.CodeForbidden) || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v, want that it says %q", what, err, says)
			}
		}
	}
	_, err = saved.Restore(t.Context(), as("none").nc, dir, saved.Options{})
	denied("nothing", err, "STREAM.INFO")
	few := as("few")
	_, err = saved.Restore(t.Context(), few.nc, dir, saved.Options{})
	denied("restore", err, "STREAM.RESTORE")
	few.wantNothing()
	_, err = saved.Restore(t.Context(), as("queue").nc, dir, saved.Options{}) // who is denied hundreds of messages
	denied("restore of a queue", err, "ready.")
	few.wantNothing()
	_, err = saved.Restore(t.Context(), as("chunks").nc, dir, saved.Options{})
	denied("restore of a snapshot", err, "$JS.SNAPSHOT")
	few.wantNothing()
	_, err = saved.Restore(t.Context(), as("fewer").nc, dir, saved.Options{})
	denied("restore without a way back", err, "STREAM.RESTORE", "STREAM.DELETE", "remove the streams")
	_, err = saved.Restore(t.Context(), as("all").nc, dir, saved.Options{})
	check(t, err)
	_, err = saved.Save(t.Context(), few.nc, filepath.Join(t.TempDir(), "backup"), func(string, int64) {})
	denied("save", err, "STREAM.SNAPSHOT")
}

// What came to be there meanwhile stays, and is not taken for what was restored.
func TestOthersStreamsStay(t *testing.T) {
	r := newRig(t)
	r.event("x")
	dir, _ := r.save()
	empty := emptyServer(t)
	made := false
	_, err := saved.Restore(t.Context(), empty.nc, dir, saved.Options{Told: func(what string, _ int64) {
		if what == "bytes checked" || made {
			return
		}
		made = true
		_, err := empty.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: schemas.StreamEvents, Subjects: []string{"events.>"}})
		check(t, err)
		empty.event("its own")
	}})
	if err == nil {
		t.Error("it was restored onto another's stream")
	}
	events, err := empty.js.Stream(t.Context(), schemas.StreamEvents)
	check(t, err)
	if n := events.CachedInfo().State.Msgs; n != 1 {
		t.Errorf("%d events, want the other's", n)
	}
}
