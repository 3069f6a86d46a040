package pull

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// receipt is one hand-out of a delivery.
type receipt struct {
	sequence uint64    // of the message in PULL
	attempt  int       // its number, from 1
	handed   time.Time // to the millisecond
	until    time.Time // to the millisecond; from then on it is void
	ack      string    // JetStream's subject for it
}

// maxReceipt bounds a receipt, in bytes as it is written: JetStream's subjects are
// shorter than 400.
const maxReceipt = 1 << 10

// codeSize is how much of the HMAC a receipt has: 128 bits cannot be guessed.
const codeSize = 16

// errReceipt says nothing of why: who guesses is not helped.
var errReceipt = errors.New("it is no receipt of this endpoint: send back what a poll gave, whole")

var coding = base64.RawURLEncoding.Strict()

// write makes a receipt that only the endpoint's can be taken for.
func (r receipt) write(key []byte, endpoint schemas.EndpointID) string {
	b := make([]byte, codeSize, codeSize+4*binary.MaxVarintLen64+len(r.ack))
	for _, n := range []uint64{r.sequence, uint64(r.attempt), uint64(r.handed.UnixMilli()), uint64(r.until.UnixMilli())} { //nolint:gosec // of this century
		b = binary.AppendUvarint(b, n)
	}
	b = append(b, r.ack...)
	copy(b, code(key, endpoint, b[codeSize:]))
	return coding.EncodeToString(b)
}

// readReceipt reads what write made for the endpoint under the key.
func readReceipt(text string, key []byte, endpoint schemas.EndpointID) (r receipt, err error) {
	if len(text) > maxReceipt || strings.ContainsAny(text, "\r\n") { // which the decoder skips
		return receipt{}, errReceipt
	}
	b, err := coding.DecodeString(text)
	if err != nil || len(b) < codeSize || !hmac.Equal(b[:codeSize], code(key, endpoint, b[codeSize:])) {
		return receipt{}, errReceipt
	}
	b = b[codeSize:]
	var n [4]uint64
	for i := range n {
		read := 0
		if n[i], read = binary.Uvarint(b); read <= 0 {
			return receipt{}, errReceipt
		}
		b = b[read:]
	}
	return receipt{
		sequence: n[0], attempt: int(n[1]), //nolint:gosec // the code says that write made them
		handed: time.UnixMilli(int64(n[2])), until: time.UnixMilli(int64(n[3])), //nolint:gosec // the same
		ack: string(b),
	}, nil
}

func code(key []byte, endpoint schemas.EndpointID, of []byte) []byte {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(endpoint))
	_, _ = mac.Write([]byte{0}) // in no id
	_, _ = mac.Write(of)
	return mac.Sum(nil)[:codeSize]
}
