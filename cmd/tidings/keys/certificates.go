package keys

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

const (
	authorityLasts   = 10 * 365 * 24 * time.Hour
	certificateLasts = 2 * 365 * 24 * time.Hour
	renewBefore      = 60 * 24 * time.Hour
	backdated        = time.Hour // for a clock that is a little behind
)

// hostname is a name that a certificate can be for (RFC 6125 section 6.4).
var hostname = regexp.MustCompile(`^(\*\.)?([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$`)

// numeric is what can only be meant as an address: no top-level domain is a number
// (RFC 3696 section 2).
var numeric = regexp.MustCompile(`(^|\.)[0-9]+$`)

// checkHosts refuses what is no host.
func checkHosts(hosts []string) error {
	if len(hosts) == 0 {
		return schemas.Errorf(schemas.CodeInvalid, "no host: name those of the NATS servers, which their certificate is for")
	}
	for _, host := range hosts {
		if net.ParseIP(host) == nil && (!hostname.MatchString(host) || numeric.MatchString(host)) {
			return schemas.Errorf(schemas.CodeInvalid, "the host %q is neither a name, like nats-0 or *.nats, nor an address: give it without a scheme and a port", host)
		}
	}
	return nil
}

// certificates makes the authority, and has it vouch for the hosts: anew if a host is
// missing or the time is nearly over, and then for the hosts until now too.
func (m *maker) certificates() error {
	authority, err := m.authority()
	if err != nil {
		return err
	}
	what := [2]string{"certificate of the NATS servers", "its key"}
	if m.vouched(authority) {
		m.done = append(m.done, Done{"nats.pem", false, what[0]}, Done{"nats.key", false, what[1]})
		return nil
	}
	template := x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: m.Hosts[0]},
		NotBefore: m.Now.Add(-backdated), NotAfter: m.Now.Add(certificateLasts),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, // routes are both
	}
	for _, host := range append(m.vouchedFor(), m.Hosts...) {
		if ip := net.ParseIP(host); ip == nil {
			template.DNSNames = appendOnce(template.DNSNames, host, strings.EqualFold)
		} else {
			template.IPAddresses = appendOnce(template.IPAddresses, ip, net.IP.Equal)
		}
	}
	certificate, key, err := issue(&template, authority)
	if err != nil {
		return fmt.Errorf("nats.pem: %w", err)
	}
	// The key first: a pair that does not fit is made anew by the next run.
	if err := m.anew("nats.key", what[1], key); err != nil {
		return err
	}
	return m.anew("nats.pem", what[0], certificate)
}

// authority is the one of the folder.
func (m *maker) authority() (tls.Certificate, error) {
	have := 0
	for _, name := range []string{"ca.pem", "ca.key"} {
		if _, err := os.Stat(filepath.Join(m.Dir, name)); err == nil {
			have++
			m.done = append(m.done, Done{name, false, "the authority"})
		}
	}
	switch have {
	case 1:
		return tls.Certificate{}, fmt.Errorf("of ca.pem and ca.key one is missing: put it back, or remove the other to have both made anew and given to all who trust it")
	case 0:
		template := x509.Certificate{
			SerialNumber: serial(), Subject: pkix.Name{CommonName: "Tidings NATS authority"},
			NotBefore: m.Now.Add(-backdated), NotAfter: m.Now.Add(authorityLasts),
			IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
		}
		certificate, key, err := issue(&template, tls.Certificate{})
		if err != nil {
			return tls.Certificate{}, fmt.Errorf("ca.pem: %w", err)
		}
		if err := m.anew("ca.key", "key of the authority; no server needs it", key); err != nil {
			return tls.Certificate{}, err
		}
		if err := m.anew("ca.pem", "the authority, for --nats-ca and the NATS servers", certificate); err != nil {
			return tls.Certificate{}, err
		}
	}
	return tls.LoadX509KeyPair(filepath.Join(m.Dir, "ca.pem"), filepath.Join(m.Dir, "ca.key"))
}

// vouched reports whether the servers' certificate will do for a while.
func (m *maker) vouched(authority tls.Certificate) bool {
	pair, err := tls.LoadX509KeyPair(filepath.Join(m.Dir, "nats.pem"), filepath.Join(m.Dir, "nats.key"))
	if err != nil {
		return false
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority.Leaf)
	return !slices.ContainsFunc(m.Hosts, func(host string) bool {
		_, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, CurrentTime: m.Now.Add(renewBefore)})
		return err != nil
	})
}

// vouchedFor are the hosts of the certificate that is there, if there is one.
func (m *maker) vouchedFor() (hosts []string) {
	text, err := os.ReadFile(filepath.Join(m.Dir, "nats.pem"))
	block, _ := pem.Decode(text)
	if err != nil || block == nil {
		return nil
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	for _, ip := range certificate.IPAddresses {
		hosts = append(hosts, ip.String())
	}
	return append(hosts, certificate.DNSNames...)
}

func appendOnce[T any](all []T, one T, same func(T, T) bool) []T {
	if slices.ContainsFunc(all, func(have T) bool { return same(have, one) }) {
		return all
	}
	return append(all, one)
}

// issue makes a key and a certificate for it, both as PEM: signed by the authority,
// or by itself if that is zero.
func issue(template *x509.Certificate, authority tls.Certificate) (certificate, key string, err error) {
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	parent, signer := template, any(own)
	if authority.Leaf != nil {
		parent, signer = authority.Leaf, authority.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, own.Public(), signer)
	if err != nil {
		return "", "", err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		return "", "", err
	}
	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return text("CERTIFICATE", der), text("PRIVATE KEY", pkcs8), nil
}

// serial is a number that no other certificate has.
func serial() *big.Int {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand since Go 1.24)
	b[0] &= 0x7f           // positive
	return new(big.Int).SetBytes(b[:])
}
