package processes

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// keysHost is a fleet on a NATS server with TLS and the users of deploy/nats, with the keys
// that tidings keys makes.
func keysHost(t *testing.T, built programs) *pipeHost {
	t.Helper()
	p := onHost(newHost(t, built))
	keys := filepath.Join(p.etc, "tidings", "keys")
	if err := os.Mkdir(keys, 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(keys, "admin.token"), hostToken+"\n")
	p.means("nats-0,nats-1,nats-2", "127.0.0.1")
	if said, err := p.run("tidings keys --dir /etc/tidings/keys --nats-host nats-0,nats-1,nats-2 && cp /etc/tidings/keys/nats.env /etc/nats/"); err != nil {
		t.Fatal(said, err)
	}
	accounts, err := os.ReadFile("../../../deploy/nats/accounts.conf")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(p.etc, "nats", "accounts.conf"), string(accounts))
	address, conf := p.address("nats-0:4222"), filepath.Join(p.etc, "nats", "nats-server.conf")
	writeFile(t, conf, fmt.Sprintf("listen: %q\nmax_payload: 1MB\njetstream { store_dir: %q }\ntls { cert_file: %q, key_file: %q }\ninclude ./accounts.conf\n",
		address, t.TempDir(), keys+"/nats.pem", keys+"/nats.key"))
	server := p.unit("nats", nil, p.bin+"/nats-server", "-c", conf)
	server.settings = filepath.Join(p.etc, "nats", "nats.env")
	p.host.mu.Lock()
	p.up(server)
	p.host.mu.Unlock()
	server.says("Server is ready")
	for _, r := range [][3]string{
		{"api", "127.0.0.1:8080", "api"},
		{"fanout", "127.0.0.1:8083", "fanout"},
		{"dispatcher-1", "127.0.0.1:8081", "dispatcher"},
		{"dispatcher-2", "127.0.0.1:8082", "dispatcher"},
	} {
		settings := slices.DeleteFunc(p.role(r[1], r[2], "TIDINGS_NATS_URL=tls://"+address, "TIDINGS_NATS_CA="+keys+"/ca.pem", "TIDINGS_NATS_NKEY="+keys+"/"+r[2]+".nk"), func(s string) bool {
			return strings.HasPrefix(s, "TIDINGS_SECRETS_KEY=") || strings.HasPrefix(s, "TIDINGS_ADMIN_TOKEN=")
		})
		if r[2] != "fanout" {
			settings = append(settings, "TIDINGS_SECRETS_KEY_FILE="+keys+"/secrets.key")
		}
		if r[2] == "api" {
			settings = append(settings, "TIDINGS_ADMIN_TOKEN_FILE="+keys+"/admin.token")
		}
		p.ready(p.unit("tidings@"+r[0], settings, p.bin+"/tidings", "run"))
	}
	return p
}

// keyCompromise rotates every key while events come.
func keyCompromise(t *testing.T, built programs) {
	p := keysHost(t, built)
	p.endpoint("acme", "ep-acme", nil)
	old := p.secret("acme")
	p.api.call(http.MethodPost, "/v1/tokens", fields{"name": "shop", "scope": "publish", "tenant": "acme"}, http.StatusCreated)
	p.publish("acme", 20)
	p.settled()
	b := p.open("key-compromise")
	b.follow("An endpoint's signing secret")
	p.signedBy("acme", p.secret("acme"), old)

	b.follow("A token of the API")
	token, err := os.ReadFile(filepath.Join(p.etc, "tidings", "keys", "admin.token"))
	if err != nil {
		t.Fatal(err)
	}
	p.api.token = strings.TrimSpace(string(token))
	end := p.load(1, "acme")
	b.follow("A role's NATS seed")
	p.publish("acme", 20)
	b.follow("The key of the secrets")
	p.publish("acme", 20)
	end()
	b.follow("Over")
	p.settled()
	b.close()
}

// secret is that of the tenant's endpoint.
func (p *pipeHost) secret(tenant string) string {
	p.t.Helper()
	said, err := p.run("tidings endpoints secrets --tenant " + tenant + " $(tidings endpoints list --tenant " + tenant + " --limit 1 -o id) | grep -o 'whsec_[^ ]*'")
	if err != nil {
		p.t.Fatal(said, err)
	}
	return strings.TrimSpace(said)
}

// signedBy wants the next event signed by one secret, and not by the other.
func (p *pipeHost) signedBy(tenant, secret, not string) {
	p.t.Helper()
	p.publish(tenant, 1)
	p.mu.Lock()
	id := fmt.Sprintf("order-%d", p.posted)
	p.mu.Unlock()
	header, body := p.receiver.await(id)
	for _, s := range []string{secret, not} {
		verifier, err := standardwebhooks.NewWebhook(s)
		if err != nil {
			p.t.Fatal(err)
		}
		if err := verifier.Verify(body, header); (err == nil) != (s == secret) {
			p.t.Errorf("%s: verified by the new secret %t: %v", id, s == secret, err)
		}
	}
}
