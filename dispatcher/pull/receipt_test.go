package pull

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-dev/tidings/schemas"
)

var testKey = []byte("a key of thirty-two bytes or more")

func someReceipt() receipt {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	return receipt{sequence: 1 << 40, attempt: 3, handed: at, until: at.Add(30 * time.Second), ack: "$JS.ACK.PULL.ep_a.1.2.3.4.5"}
}

func TestAReceiptComesBackWhole(t *testing.T) {
	want := someReceipt()
	text := want.write(testKey, "ep_a")
	got, err := readReceipt(text, testKey, "ep_a")
	if err != nil || !got.handed.Equal(want.handed) || !got.until.Equal(want.until) {
		t.Fatalf("got %+v, %v", got, err)
	}
	got.handed, got.until = want.handed, want.until
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(receipt{})); diff != "" {
		t.Error(diff)
	}
}

// Nobody but the desk makes a receipt, and one of another endpoint is none.
func TestNoOtherReceiptIsTaken(t *testing.T) {
	text := someReceipt().write(testKey, "ep_a")
	for name, row := range map[string]struct {
		text     string
		key      []byte
		endpoint schemas.EndpointID
	}{
		"another endpoint": {text, testKey, "ep_b"},
		"another key":      {text, []byte("another key of thirty-two bytes.."), "ep_a"},
		"cut":              {text[:len(text)-4], testKey, "ep_a"},
		"longer":           {text + "AAAA", testKey, "ep_a"},
		"none":             {"", testKey, "ep_a"},
		"too long":         {strings.Repeat("A", maxReceipt+1), testKey, "ep_a"},
		"not base64":       {"!" + text[1:], testKey, "ep_a"},
		"a line's end":     {text[:9] + "\n" + text[9:], testKey, "ep_a"},
	} {
		if got, err := readReceipt(row.text, row.key, row.endpoint); err == nil {
			t.Errorf("%s: taken as %+v", name, got)
		}
	}
	for i := range text { // whatever is changed
		other := byte('A')
		if text[i] == other {
			other = 'B'
		}
		if got, err := readReceipt(text[:i]+string(other)+text[i+1:], testKey, "ep_a"); err == nil {
			t.Errorf("changed at %d: taken as %+v", i, got)
		}
	}
}

// FuzzReceipt: whatever comes is refused or was made here, and what was made here is
// written the same again.
func FuzzReceipt(f *testing.F) {
	f.Add(someReceipt().write(testKey, "ep_a"), uint64(1), uint16(1), "$JS.ACK.x")
	f.Add("", uint64(0), uint16(0), "")
	f.Fuzz(func(t *testing.T, text string, sequence uint64, attempt uint16, ack string) {
		if r, err := readReceipt(text, testKey, "ep_a"); err == nil && r.write(testKey, "ep_a") != text {
			t.Errorf("%q is %+v, which is written %q", text, r, r.write(testKey, "ep_a"))
		}
		made := receipt{sequence: sequence, attempt: int(attempt), handed: time.UnixMilli(int64(sequence >> 20)), until: time.UnixMilli(int64(sequence >> 19)), ack: ack}
		written := made.write(testKey, "ep_a")
		if len(written) > maxReceipt {
			return // no subject of JetStream's is so long
		}
		r, err := readReceipt(written, testKey, "ep_a")
		if err != nil || r != made {
			t.Errorf("%+v came back as %+v, %v", made, r, err)
		}
	})
}
