package broker_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"github.com/tidings-dev/tidings/config/broker"
)

var quiet = slog.New(slog.DiscardHandler)

func TestEmbeddedServesOtherProcesses(t *testing.T) {
	s, err := broker.StartEmbedded(t.Context(), broker.Embedded{DataDir: t.TempDir(), Listen: "127.0.0.1:0"}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	nc, err := broker.Remote{URL: s.URL()}.Connect("test", quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if nc.MaxPayload() != broker.MaxPayload {
		t.Errorf("max payload %d, want %d", nc.MaxPayload(), broker.MaxPayload)
	}
}

func TestEmbeddedRefuses(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close() //nolint:errcheck // a listener
	inUse := t.TempDir()
	other, err := broker.StartEmbedded(t.Context(), broker.Embedded{DataDir: inUse}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for name, row := range map[string]struct {
		e    broker.Embedded
		want string
	}{
		"no port":          {broker.Embedded{Listen: "127.0.0.1"}, `write it like "127.0.0.1:4222"`},
		"not loopback":     {broker.Embedded{Listen: "0.0.0.0:4222"}, "say who may connect with --nats-users"},
		"all addresses":    {broker.Embedded{Listen: ":4222"}, "it listens on loopback only"},
		"port taken":       {broker.Embedded{Listen: taken.Addr().String()}, "address already in use\": give it another with --nats-listen"},
		"folder in use":    {broker.Embedded{DataDir: inUse}, inUse},
		"folder is a file": {broker.Embedded{DataDir: file(t, "x", "")}, "not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			if row.e.DataDir == "" {
				row.e.DataDir = t.TempDir()
			}
			s, err := broker.StartEmbedded(t.Context(), row.e, quiet)
			if err == nil {
				s.Close()
				t.Fatal("not refused")
			}
			if !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %q\nwant it to say %q", err, row.want)
			}
		})
	}
}

func TestRemoteRefuses(t *testing.T) {
	for name, row := range map[string]struct {
		r    broker.Remote
		want string
	}{
		"creds and nkey":   {broker.Remote{Creds: "a", NKey: "b"}, "use one of them"},
		"cert without key": {broker.Remote{Cert: "a"}, "set both or neither"},
		"inbox wildcard":   {broker.Remote{InboxPrefix: "_INBOX.>"}, `--nats-inbox-prefix "_INBOX.>": write it like`},
		"inbox ends":       {broker.Remote{InboxPrefix: "_INBOX."}, "--nats-inbox-prefix"},
		"no seed file":     {broker.Remote{NKey: "/nowhere"}, "--nats-nkey /nowhere"},
		"nobody there":     {broker.Remote{URL: "nats://user:secret@127.0.0.1:1"}, "connect to NATS at nats://127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := row.r.Connect("test", quiet)
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v\nwant it to say %q", err, row.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

// TestRemoteProvesItself connects to a server that speaks TLS and asks for an
// NKey.
func TestRemoteProvesItself(t *testing.T) {
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, _ := user.PublicKey()
	seed, _ := user.Seed()
	certificate, ca := selfSigned(t)
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
		Nkeys:     []*server.NkeyUser{{Nkey: public}},
		TLS:       true,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
	})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start() // ended below
	defer s.WaitForShutdown()
	defer s.Shutdown()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	url := strings.Replace(s.ClientURL(), "nats://", "tls://", 1)
	if _, err := (broker.Remote{URL: url, CA: ca}).Connect("test", quiet); err == nil {
		t.Error("connected without the NKey")
	}
	nc, err := broker.Remote{URL: url, CA: ca, NKey: file(t, "user.nk", string(seed))}.Connect("test", quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := nc.TLSConnectionState(); err != nil {
		t.Errorf("no TLS: %v", err)
	}
}

func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// selfSigned makes a certificate for 127.0.0.1, and the file to trust it by.
func selfSigned(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	cert, key, ca := selfSignedFiles(t)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return pair, ca
}

// selfSignedFiles are the certificate, its key and, to trust it by, itself.
func selfSignedFiles(t *testing.T) (cert, keyFile, ca string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	keyText := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	return file(t, "cert.pem", text), file(t, "key.pem", keyText), file(t, "ca.pem", text)
}

// TestRefusedForAWhile takes a user away from a server, as when keys are changed over, and
// gives it back: the connection comes back however often it was refused.
func TestRefusedForAWhile(t *testing.T) {
	key, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, _ := key.PublicKey()
	seed, _ := key.Seed()
	other, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	stranger, _ := other.PublicKey()
	users := func(names ...string) *server.Options {
		o := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true}
		for _, name := range names {
			o.Nkeys = append(o.Nkeys, &server.NkeyUser{Nkey: name})
		}
		return o
	}
	s, err := server.NewServer(users(public, stranger))
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(s.Shutdown)
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	nc, err := broker.Remote{URL: s.ClientURL(), NKey: file(t, "user.nk", string(seed))}.Connect("test", quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	reload := func(names ...string) {
		t.Helper()
		o := users(names...)
		o.Port = s.Addr().(*net.TCPAddr).Port
		if err := s.ReloadOptions(o); err != nil {
			t.Fatal(err)
		}
	}
	reload(stranger)
	tries := func() uint64 {
		v, err := s.Varz(nil)
		if err != nil {
			t.Fatal(err)
		}
		return v.TotalConnections
	}
	until := time.Now().Add(30 * time.Second)
	await := func(is func() bool) {
		for !is() && time.Now().Before(until) {
			<-time.After(10 * time.Millisecond)
		}
	}
	await(func() bool { return tries() >= 6 || nc.IsClosed() })
	if nc.IsClosed() {
		t.Fatalf("it has given up after %d connections", tries())
	}
	reload(public, stranger)
	await(nc.IsConnected)
	if !nc.IsConnected() {
		t.Errorf("after %d connections it is %s", tries(), nc.Status())
	}
}
