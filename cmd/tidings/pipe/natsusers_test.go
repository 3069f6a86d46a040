package pipe

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/broker"
	"github.com/tidings-dev/tidings/config/seal"
)

const (
	shippedServer = "../../../deploy/nats/nats-server.conf"
	shippedUsers  = "../../../deploy/nats/accounts.conf"
)

// shipped is a NATS server that runs on deploy/nats, and its users.
type shipped struct {
	t       *testing.T
	ns      *server.Server
	seeds   map[string]string // files, by the user: "api", "acme"
	ca      string            // file
	sockets bool              // with TLS, as it is shipped; else nobody listens
	log     *denials
	key     string      // file of the secrets' key
	token   string      // file of an administrator's
	all     nats.Option // a user with all rights in the account of the streams
	insider nats.Option // one there who may publish events of acme, and no more
}

// natsUsers are those of deploy/nats/accounts.conf.
var natsUsers = []string{"api", "fanout", "dispatcher", "worker", "services", "acme", "admin"}

// makeUsers makes a key for each user, and sets the variables of the files. Seeds are
// files, by the user; ids are users, by the public key.
func makeUsers(t *testing.T) (seeds, ids map[string]string) {
	t.Helper()
	seeds, ids = map[string]string{}, map[string]string{}
	for _, user := range natsUsers {
		key, err := nkeys.CreateUser()
		if err != nil {
			t.Fatal(err)
		}
		public, _ := key.PublicKey()
		seed, _ := key.Seed()
		t.Setenv(strings.ToUpper(user)+"_NKEY", public)
		seeds[user], ids[public] = tempFile(t, user+".nk", seed), user
	}
	return seeds, ids
}

// startShipped runs one node. What is not run is the cluster: a node alone would
// have no majority.
func startShipped(t *testing.T, sockets bool, more ...func(*server.Options)) *shipped {
	t.Helper()
	return startShippedAs(t, shippedServer, sockets, more...)
}

// startShippedAs is startShipped by another file of the server's.
func startShippedAs(t *testing.T, file string, sockets bool, more ...func(*server.Options)) *shipped {
	t.Helper()
	seeds, _ := makeUsers(t)
	s := &shipped{
		t: t, seeds: seeds, token: tempFile(t, "token", []byte(rolesToken)), sockets: sockets, log: &denials{}, key: tempFile(t, "secrets.key", []byte(seal.NewKey())),
	}
	for name, value := range map[string]string{
		"NATS_NAME": "nats-0", "NATS_STORE_DIR": t.TempDir(), "NATS_MAX_MEMORY": "64MB", "NATS_MAX_FILE": "1GB",
		"NATS_ROUTE_1": `"nats-route://127.0.0.1:1"`, "NATS_ROUTE_2": `"nats-route://127.0.0.1:2"`, "NATS_ROUTE_3": `"nats-route://127.0.0.1:3"`,
	} {
		t.Setenv(name, value)
	}
	var cert, key string
	cert, key, s.ca = certificates(t)
	t.Setenv("NATS_CERT", cert)
	t.Setenv("NATS_KEY", key)
	t.Setenv("NATS_CA", s.ca)
	opts, err := server.ProcessConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if opts.TLSConfig == nil || opts.Cluster.TLSConfig == nil || opts.HTTPHost != "127.0.0.1" {
		t.Fatal("the shipped configuration has no TLS, or its monitoring is open")
	}
	opts.Cluster, opts.Routes, opts.HTTPPort = server.ClusterOpts{}, nil, 0
	opts.Host, opts.Port, opts.DontListen = "127.0.0.1", server.RANDOM_PORT, !sockets
	opts.NoSigs, opts.NoLog = true, true
	s.all = admit(t, opts, nil)
	s.insider = admit(t, opts, &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: []string{"events.acme.>"}},
		Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}},
	})
	for _, change := range more {
		change(opts)
	}
	if s.ns, err = server.NewServer(opts); err != nil {
		t.Fatal(err)
	}
	go s.ns.Start() // ended below
	t.Cleanup(func() {
		s.ns.Shutdown()
		s.ns.WaitForShutdown()
	})
	if !s.ns.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	return s
}

// admit adds a user to the account of the streams.
func admit(t *testing.T, opts *server.Options, may *server.Permissions) nats.Option {
	t.Helper()
	key, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, _ := key.PublicKey()
	opts.Nkeys = append(opts.Nkeys, &server.NkeyUser{Nkey: public, Account: streamsAccount(opts), Permissions: may})
	return nats.Nkey(public, key.Sign)
}

func streamsAccount(opts *server.Options) *server.Account {
	return opts.Accounts[slices.IndexFunc(opts.Accounts, func(a *server.Account) bool { return a.GetName() == "TIDINGS" })]
}

// operator is a connection that may do everything with the streams.
func (s *shipped) operator() *nats.Conn { return s.with(s.all) }

func (s *shipped) with(user nats.Option) *nats.Conn {
	s.t.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(s.ns), user, nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(nc.Close)
	return nc
}

// url is where processes connect.
func (s *shipped) url() string {
	if s.sockets {
		return s.ns.ClientURL()
	}
	return "nats://nowhere:1"
}

func (s *shipped) through() nats.InProcessConnProvider {
	if s.sockets {
		return nil
	}
	return s.ns
}

// settings are a process's with the user's key.
func (s *shipped) settings(user string, roles ...string) config.Settings {
	set := testSettings(s.t.TempDir())
	set.Roles, set.SecretsKeyFile, set.AdminTokenFile = roles, s.key, s.token
	set.Streams.Replicas = 1
	set.NATS = config.NATS{URL: s.url(), NKey: s.seeds[user]}
	if s.sockets {
		set.NATS.CA = s.ca
	}
	return set
}

// as is a connection of a user, whose errors are in LastError only.
func (s *shipped) as(user, inbox string) *nats.Conn {
	s.t.Helper()
	r := broker.Remote{URL: s.url(), NKey: s.seeds[user], InboxPrefix: inbox, Through: s.through()}
	if s.sockets {
		r.CA = s.ca
	}
	nc, err := r.Connect("test "+user, slog.New(slog.DiscardHandler))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(nc.Close)
	return nc
}

// denials is a log that keeps what NATS denied.
type denials struct {
	mu   sync.Mutex // guards what follows
	text bytes.Buffer
}

func (d *denials) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if bytes.Contains(b, []byte("NATS denies")) {
		d.text.Write(b)
	}
	return len(b), nil
}

// check fails if anything was denied.
func (d *denials) check(t *testing.T) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.text.Len() > 0 {
		t.Errorf("denied:\n%s", d.text.String())
	}
}

func (d *denials) logger() *slog.Logger { return slog.New(slog.NewTextHandler(d, nil)) }

func tempFile(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// certificates are the files of a server's certificate for 127.0.0.1, its key, and
// the authority that signed it.
func certificates(t *testing.T) (cert, key, ca string) {
	t.Helper()
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ownKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	from, until := time.Now().Add(-24*time.Hour), time.Now().Add(24*365*50*time.Hour) // also on a bubble's clock
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotBefore: from, NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	own := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "nats-0"}, NotBefore: from, NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	caDER, err := x509.CreateCertificate(rand.Reader, authority, authority, &caKey.PublicKey, caKey)
	if err != nil {
		t.Fatal(err)
	}
	ownDER, err := x509.CreateCertificate(rand.Reader, own, authority, &ownKey.PublicKey, caKey)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(ownKey)
	if err != nil {
		t.Fatal(err)
	}
	file := func(name, kind string, der []byte) string {
		return tempFile(t, name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return file("cert.pem", "CERTIFICATE", ownDER), file("key.pem", "PRIVATE KEY", keyDER), file("ca.pem", "CERTIFICATE", caDER)
}
