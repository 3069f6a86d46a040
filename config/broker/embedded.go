package broker

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/schemas"
)

// MaxPayload lets an event of the default largest size travel with all that
// deliveries add to it, in bytes.
const MaxPayload = 2 << 20

// Embedded is how to run the server inside this process.
type Embedded struct {
	// DataDir keeps the streams; its subfolder "jetstream" is the server's.
	DataDir string
	// Listen is the address for other processes' NATS clients, like
	// "127.0.0.1:4222"; port 0 picks a free one. Empty serves this process only.
	Listen string
	// SyncAlways makes the server fsync each write before it answers, so that a
	// power loss on a single machine loses nothing either; it costs most of the
	// write rate. Off, JetStream syncs every two minutes; a crash of the process
	// loses nothing either way.
	SyncAlways bool
}

// readyWait bounds the start of the server, recovery of its streams included.
const readyWait = 2 * time.Minute

// Server is a running embedded server.
type Server struct {
	ns   *server.Server
	dir  string   // of the data
	lock *os.File // of dir
}

// StartEmbedded runs a server, and returns once it serves.
func StartEmbedded(ctx context.Context, e Embedded, log *slog.Logger) (*Server, error) {
	opts := &server.Options{
		ServerName: "tidings",
		DontListen: e.Listen == "",
		JetStream:  true,
		StoreDir:   e.DataDir,
		MaxPayload: MaxPayload,
		SyncAlways: e.SyncAlways,
		NoSigs:     true,
	}
	if e.Listen != "" {
		host, port, err := splitListen(e.Listen)
		if err != nil {
			return nil, err
		}
		opts.Host, opts.Port = host, port
	}
	lock, err := lockDir(e.DataDir)
	if err != nil {
		return nil, err
	}
	if err := roomOf(e.DataDir).enough(e.DataDir); err != nil {
		_ = lock.Close()
		return nil, err
	}
	ns, err := server.NewServer(opts)
	if err != nil {
		_ = lock.Close()
		return nil, schemas.Errorf(schemas.CodeInvalid, "embedded NATS server: %w", err)
	}
	faults := &faultLog{log: log}
	ns.SetLoggerV2(faults, false, false, false)
	go ns.Start() // Close waits for it
	if !waitReady(ctx, ns, faults) {
		ns.Shutdown()
		ns.WaitForShutdown()
		_ = lock.Close()
		return nil, schemas.Errorf(schemas.CodeUnavailable, "embedded NATS server on %q with data in %s did not start: %w",
			e.Listen, filepath.Join(e.DataDir, "jetstream"), faults.last())
	}
	return &Server{ns: ns, dir: e.DataDir, lock: lock}, nil
}

func splitListen(listen string) (host string, port int, err error) {
	host, portText, err := net.SplitHostPort(listen)
	if err == nil {
		port, err = strconv.Atoi(portText)
	}
	if err != nil || port < 0 || port > 65535 {
		return "", 0, schemas.Errorf(schemas.CodeInvalid, "NATS listen address %q: write it like \"127.0.0.1:4222\"", listen)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", 0, schemas.Errorf(schemas.CodeInvalid, "NATS listen address %q: the embedded broker asks nobody who they are, so it listens on loopback only; "+
			"run a nats-server with accounts and use --nats-url", listen)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}

// waitReady polls because the server may also give up on the way (a port that
// is taken). That it says only to its log: another program's would exit there.
func waitReady(ctx context.Context, ns *server.Server, faults *faultLog) bool {
	deadline, cancel := context.WithTimeout(ctx, readyWait)
	defer cancel()
	for deadline.Err() == nil && !faults.gaveUp() {
		if ns.ReadyForConnections(50 * time.Millisecond) {
			return true
		}
		if !ns.Running() {
			return false
		}
	}
	return false
}

// URL is where other processes connect; empty if the server does not listen.
func (s *Server) URL() string {
	if s.ns.Addr() == nil {
		return ""
	}
	return s.ns.ClientURL()
}

// Connect opens a connection of this process. It goes through the listener if
// there is one: the kernel buffers, and so batches, what the pipe within the
// process hands over write by write (measured: 1.1 to 1.3 times the deliveries).
func (s *Server) Connect(name string, log *slog.Logger) (*nats.Conn, error) {
	if url := s.URL(); url != "" {
		return nats.Connect(url, options(name, log)...)
	}
	return nats.Connect("", append(options(name, log), nats.InProcessServer(s.ns))...)
}

// InProcessConn lets a client that outlives the server be pointed at the next
// one: it is what nats.InProcessServer asks for.
func (s *Server) InProcessConn() (net.Conn, error) { return s.ns.InProcessConn() }

// Close stops the server after its streams are flushed, and waits for it.
func (s *Server) Close() {
	s.ns.Shutdown()
	s.ns.WaitForShutdown()
	_ = s.lock.Close()
}

var errNoFault = errors.New("it gave no reason in time")
