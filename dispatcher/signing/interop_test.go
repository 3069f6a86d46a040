package signing_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/ecmascript"
	"github.com/tidings-dev/tidings/dispatcher/nodetest"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

// received is a request as scripts in other languages get it. Names of headers
// are in lower case, as Node gives them.
type received struct {
	Dialect schemas.Dialect   `json:"dialect"`
	Secret  string            `json:"secret"`
	Headers map[string]string `json:"headers"`
	Body    []byte            `json:"body"`
	Now     int64             `json:"now"` // Unix milliseconds

	name    string
	refused bool // as the script should find it
}

func lowerCase(h http.Header) map[string]string {
	lower := map[string]string{}
	for name := range h {
		lower[strings.ToLower(name)] = h.Get(name)
	}
	return lower
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// bodies are JSON texts that are hard to sign: those of the vectors, some chosen,
// and many made up, the same on every run. Each has a timestamp.
func bodies(t *testing.T) [][]byte {
	t.Helper()
	var texts []string
	for _, v := range relayBoxVectors(t) {
		texts = append(texts, v.Body)
	}
	texts = append(texts,
		`{}`, `[]`, `null`, `""`, `0`, `-0`, `1e400`, `" "`,
		`"<script>&amp;</script>"`, "\"\u2028\u2029\u0085\u007f\u00a0\ufeff\"", `"\u2028\u003c\u0026"`, `"\/\b\f\n\r\t\u0000\u001f"`,
		`"😀 é é 中 🏳️‍🌈"`, `"\ud83d\ude00 \ud83d \ude00\ud83d"`,
		`{"b":1,"a":2,"10":3,"9":4,"":5,"é":6,"😀":7,"￮":8,"A":9}`,
		`{"4294967294":1,"4294967295":2,"01":3,"-1":4,"1.5":5,"0":6}`,
		`{"__proto__":{"b":1,"a":2},"constructor":1,"hasOwnProperty":null,"toString":[],"length":0}`,
		`{"a":{"b":{"c":[{"e":1,"d":2},[[]],{}]}}}`,
		` { "a" : [ 1 , 2.0 , 3e0 ] , "a" : "again" } `,
		`[9007199254740993,0.1,0.30000000000000004,123456789012345680000,1e21,1e-6,1e-7,5e-324,1.7976931348623157e308,-1.5e-10,4.35,0.000001,100,1E2]`,
	)
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same on every run
	for range 1500 {
		texts = append(texts, randomValue(r, 4))
	}
	all := make([][]byte, len(texts))
	for i, text := range texts {
		all[i] = fmt.Appendf(nil, `{"id":"%d","event":"e","data":%s,"session":null,"timestamp":"2025-01-05T10:00:00.500Z"}`, i, text)
	}
	return all
}

func randomValue(r *rand.Rand, depth int) string {
	kind := r.IntN(6)
	if depth == 0 {
		kind = r.IntN(4)
	}
	switch kind {
	case 0:
		return randomNumber(r)
	case 1:
		return randomNumber(r)
	case 2:
		return randomString(r)
	case 3:
		return []string{"true", "false", "null"}[r.IntN(3)]
	}
	parts, seen := []string{}, map[string]bool{}
	for range r.IntN(6) {
		part := randomValue(r, depth-1)
		if kind == 4 {
			name := randomString(r)
			if r.IntN(3) == 0 {
				name = strconv.Quote(strconv.Itoa(r.IntN(300)))
			}
			if seen[name] {
				continue
			}
			seen[name] = true
			part = name + ":" + part
		}
		parts = append(parts, part)
	}
	if kind == 4 {
		return "{" + strings.Join(parts, ",") + "}"
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// randomNumber is any double, or one near the borders at which its notation
// changes.
func randomNumber(r *rand.Rand) string {
	for {
		f := math.Float64frombits(r.Uint64())
		if r.IntN(2) == 0 {
			f = r.Float64() * math.Pow10(r.IntN(60)-30)
		}
		switch r.IntN(4) {
		case 0:
			f = math.Round(f)
		case 1:
			f = math.Float64frombits(math.Float64bits(f) &^ (1<<32 - 1))
		}
		if !math.IsNaN(f) && !math.IsInf(f, 0) {
			return strconv.FormatFloat(f, "eEfg"[r.IntN(4)], -1, 64)
		}
	}
}

func randomString(r *rand.Rand) string {
	runes := make([]rune, r.IntN(8))
	for i := range runes {
		limit := []int32{0x20, 0x80, 0x2030, 0x10000, 0x110000}[r.IntN(5)]
		runes[i] = r.Int32N(limit)
	}
	return string(ecmascript.AppendString(nil, string(runes))) // a surrogate becomes U+FFFD
}

// judge lets a script play the receivers, and holds its verdicts to what they
// should be. It returns the proofs the script would have made.
func judge(t *testing.T, requests []received) (proofs []string) {
	t.Helper()
	var answers []struct{ Proof, Refusal string }
	if err := json.Unmarshal(nodetest.Run(t, "testdata/receivers.mjs", marshal(t, requests)), &answers); err != nil || len(answers) != len(requests) {
		t.Fatalf("got %d answers to %d requests, %v", len(answers), len(requests), err)
	}
	for i, q := range requests {
		if refused := answers[i].Refusal != ""; refused != q.refused {
			t.Errorf("%s: refused %t, want %t: %s\n%s", q.name, refused, q.refused, answers[i].Refusal, q.Body)
		}
		proofs = append(proofs, answers[i].Proof)
	}
	return proofs
}

// TestOfficialJavaScript lets Standard Webhooks' library for JavaScript verify
// what is signed here, under each of several secrets, and the reverse.
func TestOfficialJavaScript(t *testing.T) {
	now := time.Now()
	secrets := []string{signing.NewSecret(), "whsec_" + encoded(24), encoded(64)}
	pair, _ := signing.NewKeyPair()
	keys := []signing.Key{mustKey(t, pair)}
	for _, s := range secrets {
		keys = append(keys, mustKey(t, s))
	}
	var requests []received
	for i, body := range bodies(t) {
		if i%10 != 0 && i > 40 { // it signs bytes: a few will do
			continue
		}
		secret := secrets[i%len(secrets)]
		q := received{
			name: strconv.Itoa(i), Dialect: schemas.DialectStandard, Secret: secret, Body: body,
			Headers: lowerCase(headers("dlv_1", now, body, keys...)),
		}
		requests = append(requests, q)
		q.name, q.refused, q.Body = q.name+" changed", true, append(slices.Clone(body), ' ')
		requests = append(requests, q)
	}
	for i, proof := range judge(t, requests) {
		q := requests[i]
		h := headers("dlv_1", now, nil)
		h.Set(signing.HeaderSignature, proof)
		if err := mustVerifier(t, schemas.DialectRoam, q.Secret).Verify(h, q.Body, now); err != nil {
			t.Errorf("%s: ours refuses theirs: %v", q.name, err)
		}
	}
}

// TestSystemsInJavaScript lets the receivers of the other systems, as their
// libraries and documentation have it, judge what is signed here, and the
// reverse.
func TestSystemsInJavaScript(t *testing.T) {
	var requests []received
	for i, body := range bodies(t) {
		for _, s := range systems() {
			if !s.secretsAreText {
				continue
			}
			if s.dialect == schemas.DialectOneRoute { // the dialect writes bodies so
				var err error
				if body, err = ecmascript.Stringify(nil, body); err != nil {
					t.Fatal(err)
				}
			}
			key := s.secret + strings.Repeat("é", i%3)
			proof := s.prove(t, key, body)
			if s.dialect == schemas.DialectOneRoute {
				proof = signing.OneRouteSignature(key, body)
			}
			q := received{
				name: fmt.Sprint(s.dialect, " ", i), Dialect: s.dialect, Secret: key, Body: body,
				Headers: map[string]string{strings.ToLower(s.header): proof},
			}
			requests = append(requests, q)
			if i%20 == 0 {
				q.name, q.refused, q.Secret = q.name+", another key", true, "another"
				requests = append(requests, q)
			}
		}
	}
	for i, proof := range judge(t, requests) {
		q := requests[i]
		h := http.Header{}
		for name := range q.Headers {
			h.Set(name, proof)
		}
		// A body with a number too large or a name twice is signed, and refused.
		want := error(nil)
		if text := string(q.Body); q.Dialect == schemas.DialectRelayBox && (strings.Contains(text, "1e400") || strings.Contains(text, `"again"`)) {
			want = signing.ErrMalformedBody
		}
		err := mustVerifier(t, q.Dialect, q.Secret).Verify(h, q.Body, systemAt)
		if got := verdict(t, err); !errors.Is(got, want) {
			t.Errorf("%s: ours says %v of theirs, want %v\n%s", q.name, err, want, q.Body)
		}
	}
}
