package pipe

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"github.com/tidings-dev/tidings/config/broker"
	"github.com/tidings-dev/tidings/config/seal"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

// TestCreds runs the pipe on a server in operator mode, where --nats-creds is a
// user's JWT and seed.
func TestCreds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streamstest.DropTimers(t)
		ns, creds := startOperator(t)
		p := newPipe(t)
		p.settings = testSettings("")
		p.settings.NATS.URL, p.settings.NATS.Creds = "nats://nowhere:1", creds["tidings"]
		p.settings.SecretsKeyFile = tempFile(t, "secrets.key", []byte(seal.NewKey()))
		process, err := Start(t.Context(), p.settings, slog.New(slog.DiscardHandler), Hooks{Observe: p.observe, Transport: p.receiver.Transport(t), Broker: ns})
		if err != nil {
			t.Fatal(err)
		}
		p.process, p.registry = process, process.Registry
		nc, err := broker.Remote{URL: "nats://nowhere:1", Creds: creds["acme"], Through: ns}.Connect("test", slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		p.use(nc)
		t.Cleanup(p.stop)
		if err := p.registry.PutTenant(t.Context(), schemas.Tenant{ID: testTenant}); err != nil {
			t.Fatal(err)
		}
		p.endpoint("ep_a", schemas.Policy{})
		p.publish(t.Context(), "e1")
		if end := p.ends(1)[0]; end.Outcome.Kind != schemas.Delivered {
			t.Errorf("ended %+v", end.Outcome)
		}
		if _, err := (broker.Remote{URL: "nats://nowhere:1", Through: ns}).Connect("test", slog.New(slog.DiscardHandler)); err == nil {
			t.Error("who has no credentials gets in")
		}
	})
}

// startOperator runs a server that trusts an operator, with the account of the
// streams, whose user may do all, and one of the tenant acme. Creds are files.
func startOperator(t *testing.T) (ns *server.Server, creds map[string]string) {
	t.Helper()
	operator, operatorID := nkey(t, nkeys.CreateOperator)
	streams, streamsID := nkey(t, nkeys.CreateAccount)
	acme, acmeID := nkey(t, nkeys.CreateAccount)
	_, systemID := nkey(t, nkeys.CreateAccount)
	oc := jwt.NewOperatorClaims(operatorID)
	signed(t, oc, operator)

	sc := jwt.NewAccountClaims(streamsID)
	sc.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: jwt.NoLimit, DiskStorage: jwt.NoLimit, Streams: jwt.NoLimit, Consumer: jwt.NoLimit}
	sc.Exports = jwt.Exports{{Subject: "events.*.>", Type: jwt.Service}}
	ac := jwt.NewAccountClaims(acmeID)
	ac.Imports = jwt.Imports{{Account: streamsID, Subject: "events.acme.>", Type: jwt.Service}}

	resolver := &server.MemAccResolver{}
	for id, text := range map[string]string{streamsID: signed(t, sc, operator), acmeID: signed(t, ac, operator), systemID: signed(t, jwt.NewAccountClaims(systemID), operator)} {
		if err := resolver.Store(id, text); err != nil {
			t.Fatal(err)
		}
	}
	ns, err := server.NewServer(&server.Options{
		DontListen: true, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(), MaxPayload: broker.MaxPayload,
		TrustedOperators: []*jwt.OperatorClaims{oc}, AccountResolver: resolver, SystemAccount: systemID,
	})
	if err != nil {
		t.Fatal(err)
	}
	go ns.Start() // ended below
	t.Cleanup(func() {
		ns.Shutdown()
		ns.WaitForShutdown()
	})
	if !ns.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	may := jwt.Permissions{Pub: jwt.Permission{Allow: []string{"events.acme.>"}}, Sub: jwt.Permission{Allow: []string{"_INBOX.>"}}}
	return ns, map[string]string{"tidings": userCreds(t, streams, jwt.Permissions{}), "acme": userCreds(t, acme, may)}
}

func nkey(t *testing.T, create func() (nkeys.KeyPair, error)) (key nkeys.KeyPair, public string) {
	t.Helper()
	key, err := create()
	if err == nil {
		public, err = key.PublicKey()
	}
	if err != nil {
		t.Fatal(err)
	}
	return key, public
}

func signed(t *testing.T, c jwt.Claims, by nkeys.KeyPair) string {
	t.Helper()
	text, err := c.Encode(by)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func userCreds(t *testing.T, account nkeys.KeyPair, may jwt.Permissions) (file string) {
	t.Helper()
	key, id := nkey(t, nkeys.CreateUser)
	c := jwt.NewUserClaims(id)
	c.Permissions = may
	seed, err := key.Seed()
	if err != nil {
		t.Fatal(err)
	}
	content, err := jwt.FormatUserConfig(signed(t, c, account), seed)
	if err != nil {
		t.Fatal(err)
	}
	return tempFile(t, "user.creds", content)
}
