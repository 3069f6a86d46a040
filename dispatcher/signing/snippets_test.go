package signing_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/ecmascript"
	"github.com/tidings-dev/tidings/dispatcher/nodetest"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

var update = flag.Bool("update", false, "write the snippets into README.md")

// shown is where README shows a snippet: its name, and the block that follows.
var shown = regexp.MustCompile("(?s)<!-- snippets/([a-z0-9]+)\\.(mjs|py) -->\n(?:```[a-z]+\n.*?\n```\n)?")

// TestReadmeShowsSnippets holds README to the files that the tests below run.
func TestReadmeShowsSnippets(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("snippets/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range shown.FindAllSubmatch(readme, -1) {
		name := fmt.Sprintf("snippets/%s.%s", m[1], m[2])
		i := slices.Index(files, name)
		if i < 0 {
			t.Fatalf("README shows %s, which is not there or shown twice", name)
		}
		files = slices.Delete(files, i, i+1)
	}
	if len(files) > 0 {
		t.Errorf("README does not show %q", files)
	}
	want := shown.ReplaceAllFunc(readme, func(block []byte) []byte {
		m := shown.FindSubmatch(block)
		code, err := os.ReadFile(fmt.Sprintf("snippets/%s.%s", m[1], m[2]))
		if err != nil {
			t.Fatal(err)
		}
		language := map[string]string{"mjs": "js", "py": "python"}[string(m[2])]
		return fmt.Appendf(nil, "<!-- snippets/%s.%s -->\n```%s\n%s```\n", m[1], m[2], language, code)
	})
	if bytes.Equal(readme, want) {
		return
	}
	if !*update {
		t.Fatal("README does not show the snippets as they are: run the test with -update")
	}
	if err := os.WriteFile("README.md", want, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestReadmeShowsExample holds the Go code of README to that of the example.
func TestReadmeShowsExample(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```\n").FindAllSubmatch(readme, -1)
	if len(blocks) == 0 {
		t.Fatal("README shows no Go")
	}
	for _, block := range blocks {
		indented := "\t\t" + strings.ReplaceAll(strings.TrimSuffix(string(block[1]), "\n"), "\n", "\n\t\t") + "\n"
		if !strings.Contains(string(example), indented) {
			t.Errorf("example_test.go does not have\n%s", indented)
		}
	}
}

// snippetRequest is one that a snippet judges.
type snippetRequest struct {
	received
	Snippet string `json:"snippet"`
}

// snippets are the names of those in one language.
func snippets(t *testing.T, ending string) (names []string) {
	t.Helper()
	files, err := filepath.Glob("snippets/*." + ending)
	if err != nil || len(files) < 4 {
		t.Fatalf("found %q, %v", files, err)
	}
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), "."+ending))
	}
	return names
}

// asSystem is the dialect of a snippet.
func asSystem(t *testing.T, snippet string) system {
	t.Helper()
	all := systems()
	if snippet == "ed25519" {
		s := all[0]
		s.secret, s.older = secretKey(edSeed), secretKey(make([]byte, 32))
		return s
	}
	i := slices.IndexFunc(all, func(s system) bool { return string(s.dialect) == snippet })
	if i < 0 {
		t.Fatalf("no dialect has the snippet %s", snippet)
	}
	return all[i]
}

// snippetRequests are good ones and bad ones.
func snippetRequests(t *testing.T, snippet string) (all []snippetRequest) {
	t.Helper()
	s := asSystem(t, snippet)
	body := systemBody
	if s.dialect == schemas.DialectOneRoute {
		body = bytes.Replace(body, []byte("1.50"), []byte("1.5"), 1) // as JavaScript writes it
	}
	given := func(secret string) string { // to the receiver
		if s.secretsAreText || secret == "" {
			return secret
		}
		if public := mustKey(t, secret).Public(); public != "" {
			return public
		}
		return secret
	}
	add := func(name string, refused bool, change func(*snippetRequest)) {
		q := snippetRequest{received{
			Dialect: s.dialect, Secret: given(s.secret), Headers: lowerCase(s.request(t, s.secret)), Body: slices.Clone(body),
			Now: systemAt.UnixMilli(), name: snippet + ", " + name, refused: refused,
		}, snippet}
		change(&q)
		all = append(all, q)
	}
	proof := strings.ToLower(s.header)
	add("in order", false, func(*snippetRequest) {})
	add("another body", !s.unsigned, func(q *snippetRequest) { q.Body[len(q.Body)-2] ^= 1 })
	add("a value changed", !s.unsigned, func(q *snippetRequest) { q.Body = bytes.Replace(q.Body, []byte("1.5"), []byte("1.6"), 1) })
	add("more white space", !s.unsigned && s.dialect != schemas.DialectRelayBox, func(q *snippetRequest) { q.Body = append(q.Body, ' ') })
	add("no body", !s.unsigned, func(q *snippetRequest) { q.Body = []byte{} })
	add("another secret", true, func(q *snippetRequest) { q.Secret = given(s.older) })
	add("no secret", true, func(q *snippetRequest) { q.Secret = "" })
	add("signed with no secret", true, func(q *snippetRequest) { q.Secret, q.Headers[proof] = "", signedWithNothing(s, q.Body) })
	add("cut short", true, func(q *snippetRequest) { q.Headers[proof] = q.Headers[proof][:20] })
	// Node passes over what follows base64: it is the same signature.
	add("one more", snippet != "ed25519", func(q *snippetRequest) { q.Headers[proof] += "0" })
	add("not ASCII", snippet != "ed25519", func(q *snippetRequest) { q.Headers[proof] += "é" })
	for name := range lowerCase(s.request(t, s.secret)) {
		if name != "content-type" {
			add("no "+name, true, func(q *snippetRequest) { delete(q.Headers, name) })
			add("empty "+name, true, func(q *snippetRequest) { q.Headers[name] = "" })
		}
	}
	late := func(d time.Duration) func(*snippetRequest) {
		return func(q *snippetRequest) { q.Now = systemAt.Add(d).UnixMilli() }
	}
	add("just in time", false, late(s.tolerance-time.Second))
	add("just early", false, late(time.Second-s.tolerance))
	add("too late", s.tolerance > 0, late(s.tolerance+time.Second))
	add("too early", s.tolerance > 0, late(-s.tolerance-time.Second))
	if !s.secretsAreText {
		for _, prefix := range []string{"whpk/", "whpk"} { // as Node's base64 reads it, and as Python's
			add("a public key for a secret", true, func(q *snippetRequest) {
				q.Secret = edPublic
				q.Headers[proof] = webhookProof(prefix+strings.TrimPrefix(edPublic, "whpk_"), "1736071200", q.Body)
				if snippet == "ed25519" {
					q.Secret = given(s.older)
				}
			})
		}
		add("a short secret", true, func(q *snippetRequest) {
			q.Secret = "whsec_AAAA"
			q.Headers[proof] = webhookProof(q.Secret, "1736071200", q.Body)
		})
		stranger := signing.NewSecret()
		add("signed twice", false, func(q *snippetRequest) {
			q.Headers[proof] = mustKey(t, stranger).Sign(systemID, systemAt, systemBody) + " v2,x " + q.Headers[proof]
		})
		for _, stamp := range []string{"1736071200.5", "+1736071200", "1736071.2e3", "0x677a57e0", " 1736071200", "now", "١٧٣٦٠٧١٢٠٠", strings.Repeat("1", 5000)} {
			add("timestamp "+stamp, true, func(q *snippetRequest) {
				q.Headers[signing.HeaderTimestamp] = stamp
				q.Headers[proof] = webhookProof(s.secret, stamp, q.Body)
			})
		}
		add("proved by the test's own code", false, func(q *snippetRequest) { q.Headers[proof] = webhookProof(s.secret, "1736071200", q.Body) })
		add("id with a dot", true, func(q *snippetRequest) {
			h := headers("dlv.1", systemAt, systemBody, mustKey(t, s.secret))
			q.Headers = lowerCase(h)
		})
	}
	return all
}

// signedWithNothing is a proof that anybody can make, for a receiver whose secret
// is not set.
func signedWithNothing(s system, body []byte) string {
	switch s.dialect {
	case schemas.DialectStandard:
		return webhookProof("", "1736071200", body)
	case schemas.DialectRelayBox:
		canonical, _ := ecmascript.Canonicalize(nil, body)
		m := hmac.New(sha256.New, nil)
		m.Write(ecmascript.AppendString(nil, string(canonical)))
		return hex.EncodeToString(m.Sum(nil))
	case schemas.DialectOneRoute:
		m := hmac.New(sha512.New, nil)
		m.Write(body)
		return hex.EncodeToString(m.Sum(nil))
	}
	return ""
}

// webhookProof is a signature of Standard Webhooks, made without this package: by
// any secret, even one that [signing.ParseKey] refuses, of any timestamp.
func webhookProof(secret, stamp string, body []byte) string {
	text := systemID + "." + stamp + "." + string(body)
	if strings.HasPrefix(secret, "whsk_") {
		return "v1a," + base64.StdEncoding.EncodeToString(ed25519.Sign(ed25519.NewKeyFromSeed(edSeed), []byte(text)))
	}
	encoded := strings.TrimRight(strings.TrimPrefix(secret, "whsec_"), "=")
	key, _ := base64.RawStdEncoding.DecodeString(encoded)
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// relayBoxRequests are bodies that are hard to write as JavaScript does, and
// payloads whose timestamp is missing.
func relayBoxRequests(t *testing.T) (all []snippetRequest) {
	t.Helper()
	add := func(name string, refused bool, body []byte) {
		signature, err := signing.RelayBoxSignature(relayBoxKey, body)
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{signing.HeaderRelayBoxSignature: {signature}}
		all = append(all, snippetRequest{received{
			Secret: relayBoxKey, Headers: lowerCase(h), Body: body, Now: systemAt.UnixMilli(), name: "relaybox, " + name, refused: refused,
		}, "relaybox"})
	}
	for i, body := range bodies(t) {
		add(fmt.Sprint(i), bytes.Contains(body, []byte("1e400")), body)
	}
	for _, body := range []string{`{}`, `[]`, `null`, `1`, `{"timestamp":null}`, `{"timestamp":"now"}`, `{"timestamp":true}`, `{"data":{"timestamp":"2025-01-05T10:00:00Z"}}`} {
		add(body, true, []byte(body))
	}
	for _, word := range []string{"Infinity", "-Infinity", "NaN", "1e999"} { // sign as null, if at all
		add("null", false, []byte(`{"a":null,"timestamp":"2025-01-05T10:00:00Z"}`))
		last := &all[len(all)-1]
		last.name, last.refused, last.Body = "relaybox, "+word, true, bytes.Replace(last.Body, []byte("null"), []byte(word), 1)
	}
	for _, body := range []string{"", "{", "{}{}", "NaN", `{"a":NaN}`, `{"a":Infinity}`, `{"a":-Infinity}`, "\xef\xbb\xbf{}", strings.Repeat("[", 100_000)} {
		all = append(all, snippetRequest{received{
			Secret: relayBoxKey, Headers: map[string]string{strings.ToLower(signing.HeaderRelayBoxSignature): strings.Repeat("0", 64)},
			Body: []byte(body), Now: systemAt.UnixMilli(), name: fmt.Sprintf("relaybox, %.20q", body), refused: true,
		}, "relaybox"})
	}
	return all
}

// testSnippets lets a script in the snippets' language run them.
func testSnippets(t *testing.T, ending string, run func(stdin []byte) []byte) {
	requests := relayBoxRequests(t)
	for _, name := range snippets(t, ending) {
		requests = append(requests, snippetRequests(t, name)...)
	}
	var refusals []string
	if err := json.Unmarshal(run(marshal(t, requests)), &refusals); err != nil || len(refusals) != len(requests) {
		t.Fatalf("got %d answers to %d requests, %v", len(refusals), len(requests), err)
	}
	for i, q := range requests {
		if refused := refusals[i] != ""; refused != q.refused {
			t.Errorf("%s: refused %t, want %t: %s\n%.500s", q.name, refused, q.refused, refusals[i], q.Body)
		}
	}
}

func TestSnippetsInNode(t *testing.T) {
	folder, err := filepath.Abs("snippets")
	if err != nil {
		t.Fatal(err)
	}
	testSnippets(t, "mjs", func(stdin []byte) []byte {
		return nodetest.Run(t, "testdata/snippets.mjs", stdin, folder)
	})
}

func TestSnippetsInPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("Python is not installed: its snippets are tested where python3 is on the PATH")
	}
	testSnippets(t, "py", func(stdin []byte) []byte {
		cmd := exec.CommandContext(t.Context(), python, "testdata/snippets.py", "snippets")
		var stderr bytes.Buffer
		cmd.Stdin, cmd.Stderr = bytes.NewReader(stdin), &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("python3: %v\n%s", err, stderr.Bytes())
		}
		return out
	})
}
