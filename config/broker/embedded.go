package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
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
	// Without Users it is a loopback address.
	Listen string
	// Users is a file that says who may connect, in the server's own language: like
	// deploy/nats/accounts.conf, and "tls" beside it. Empty lets in whoever reaches
	// Listen.
	Users string
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
	// own lets this process in where there are users.
	own []nats.Option
	// tls is what who connects by the listener must speak.
	tls bool
}

// StartEmbedded runs a server, and returns once it serves.
func StartEmbedded(ctx context.Context, e Embedded, log *slog.Logger) (*Server, error) {
	opts, own, err := serverOptions(e, log)
	if err != nil {
		return nil, err
	}
	lock, err := lockDir(e.DataDir)
	if err != nil {
		return nil, err
	}
	if err := roomOf(e.DataDir).enough(e.DataDir); err != nil {
		_ = lock.Close()
		return nil, err
	}
	account := noAccount
	if e.Users != "" {
		account = usersAccount
	}
	if err := followAccount(e.DataDir, account); err != nil {
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
		code, cause := schemas.CodeUnavailable, faults.last()
		if cause != nil && strings.Contains(cause.Error(), "address already in use") { // as NATS says it, in words alone
			code, cause = schemas.CodeConflict, fmt.Errorf("%w: give it another with --nats-listen, or end what listens there", cause)
		}
		return nil, schemas.Errorf(code, "embedded NATS server on %q with data in %s did not start: %w",
			e.Listen, filepath.Join(e.DataDir, "jetstream"), cause)
	}
	faults.started()
	return &Server{ns: ns, dir: e.DataDir, lock: lock, own: own, tls: opts.TLSConfig != nil}, nil
}

// serverOptions are the server's, and what lets this process in.
func serverOptions(e Embedded, log *slog.Logger) (opts *server.Options, own []nats.Option, err error) {
	opts = &server.Options{}
	if e.Users != "" {
		if opts, err = readUsers(e.Users); err != nil {
			return nil, nil, err
		}
		o, err := admitOwn(opts)
		if err != nil {
			return nil, nil, err
		}
		own = append(own, o)
	}
	opts.ServerName = "tidings"
	opts.DontListen = e.Listen == ""
	opts.JetStream = true
	opts.StoreDir = e.DataDir
	opts.MaxPayload = MaxPayload
	opts.SyncAlways = e.SyncAlways
	opts.NoSigs = true
	if e.Listen == "" {
		return opts, own, nil
	}
	if opts.Host, opts.Port, err = splitListen(e.Listen); err != nil {
		return nil, nil, err
	}
	switch local := loopback(opts.Host); {
	case !local && e.Users == "":
		return nil, nil, schemas.Errorf(schemas.CodeInvalid, "NATS listen address %q: without users the embedded broker asks nobody who they are, so it listens on loopback only; "+
			"say who may connect with --nats-users, or run a nats-server with accounts and use --nats-url", e.Listen)
	case !local && opts.TLSConfig == nil:
		log.Warn("the embedded broker listens beyond this machine without TLS: whoever is on the way reads events and can change them; add \"tls\" to the file of users",
			"listen", e.Listen, "users", e.Users)
	}
	return opts, own, nil
}

func splitListen(listen string) (host string, port int, err error) {
	host, portText, err := net.SplitHostPort(listen)
	if err == nil {
		port, err = strconv.Atoi(portText)
	}
	if err != nil || port < 0 || port > 65535 {
		return "", 0, schemas.Errorf(schemas.CodeInvalid, "NATS listen address %q: write it like \"127.0.0.1:4222\"", listen)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}

// loopback reports whether only this machine reaches a host. Of an empty one,
// which is all addresses, it is not so.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
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
// Not where the listener speaks TLS, which the process has no need of.
func (s *Server) Connect(name string, log *slog.Logger) (*nats.Conn, error) {
	opts := append(options(name, log), s.own...)
	if url := s.URL(); url != "" && !s.tls {
		return nats.Connect(url, opts...)
	}
	return nats.Connect("", append(opts, nats.InProcessServer(s.ns))...)
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
