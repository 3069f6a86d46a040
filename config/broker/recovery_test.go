package broker_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/broker"
)

// said is a log.
type said struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// start runs a server on a folder. Level is from what on its log is kept.
func start(t *testing.T, dir string, level slog.Level) (*broker.Server, *said) {
	t.Helper()
	log := &said{}
	s, err := broker.StartEmbedded(t.Context(), broker.Embedded{DataDir: dir}, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: level})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, log
}

// store stores a message in each of two streams.
func store(t *testing.T, s *broker.Server) {
	t.Helper()
	nc, err := s.Connect("test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ONE", "OTHER"} {
		subject := strings.ToLower(name)
		_, err := js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{subject}, AllowMsgTTL: true, AllowMsgSchedules: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := js.Publish(t.Context(), subject, nil, jetstream.WithMsgTTL(1<<40)); err != nil {
			t.Fatal(err)
		}
	}
}

// crashed is what a process that was killed leaves: a snapshot of its streams that is
// older than they are.
func crashed(t *testing.T) (dir string) {
	t.Helper()
	was := t.TempDir()
	s, _ := start(t, was, slog.LevelWarn)
	store(t, s)
	s.Close()
	s, _ = start(t, was, slog.LevelWarn)
	store(t, s)
	dir = t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "jetstream"), os.DirFS(filepath.Join(was, "jetstream"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What is normal after a crash is one line, which frightens nobody.
func TestACrashIsRecoveredFromInOneLine(t *testing.T) {
	dir := crashed(t)
	s, log := start(t, dir, slog.LevelInfo)
	text := log.String()
	if strings.Contains(text, "WARN") || strings.Count(text, "\n") != 1 || !strings.Contains(text, `recovered after an unclean stop: it has read these streams anew, and nothing is left to do" streams="[ONE OTHER]"`) {
		t.Errorf("it says:\n%s", text)
	}
	s.Close()
	if _, log := start(t, dir, slog.LevelInfo); log.String() != "" {
		t.Errorf("after a clean stop it says:\n%s", log)
	}
}

// The details are there for who asks for them.
func TestTheDetailsOfARecoveryAreDebugged(t *testing.T) {
	_, log := start(t, crashed(t), slog.LevelDebug)
	for _, want := range []string{"[ONE] Stream state outdated", "[OTHER] Recovering stream state from index errored: prior state file", "[ONE] TTL state is outdated"} {
		if text := log.String(); !strings.Contains(text, `level=DEBUG msg="nats server" detail="Filestore `+want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
}

// A snapshot that is damaged is no crash's doing, and warned of.
func TestADamagedSnapshotIsWarnedOf(t *testing.T) {
	dir := t.TempDir()
	s, _ := start(t, dir, slog.LevelWarn)
	store(t, s)
	s.Close()
	indexes, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", "ONE", "msgs", "index.db"))
	if err != nil || len(indexes) != 1 {
		t.Fatal(indexes, err)
	}
	b, err := os.ReadFile(indexes[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 0xff
	if err := os.WriteFile(indexes[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, log := start(t, dir, slog.LevelInfo); !strings.Contains(log.String(), `level=WARN msg="nats server" detail="Filestore [ONE] Stream state checksum did not match"`) {
		t.Errorf("it says:\n%s", log)
	}
}
