package schemas

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"hash/fnv"
	"strings"
	"time"
)

// TenantID names a tenant. It is chosen by whoever creates the tenant and is
// one token of a NATS subject: 1 to 63 lower-case letters, digits, '-' or '_',
// starting with a letter or a digit.
type TenantID string

// EndpointID names an endpoint, unique over all tenants: "ep_" and 1 to 60
// letters, digits, '-' or '_'. [NewEndpointID] makes sortable ones.
type EndpointID string

// SubscriptionID names a subscription, unique over all tenants: "sub_" and 1 to
// 60 letters, digits, '-' or '_'.
type SubscriptionID string

// DeliveryID names one event on its way to one endpoint. It is the webhook-id
// that receivers see, the same on every attempt and every replay.
//
// It is "dlv_" and 32 characters of lower-case base32hex (RFC 4648, section 7)
// over 20 bytes: the time EVENTS stored the event (6 bytes, ms since 1970), its
// sequence in EVENTS (6 bytes) and a hash of the endpoint (8 bytes). So it
// needs no memory to be made again, sorts by acceptance, and leads back to the
// stored event. The time keeps ids distinct should EVENTS ever be recreated and
// its sequence restart.
type DeliveryID string

var base32Hex = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

const (
	endpointPrefix     = "ep_"
	subscriptionPrefix = "sub_"
	deliveryPrefix     = "dlv_"
	deliveryLen        = len(deliveryPrefix) + 32
)

// Validate says what is wrong with the form of the id.
func (id TenantID) Validate() error {
	valid := len(id) >= 1 && len(id) <= 63 && lowerOrDigit(id[0])
	for i := range len(id) {
		valid = valid && (lowerOrDigit(id[i]) || id[i] == '-' || id[i] == '_')
	}
	if valid {
		return nil
	}
	return Errorf(CodeInvalid, "tenant id %q: use 1 to 63 of a-z, 0-9, '-' and '_', starting with a letter or a digit", string(id))
}

// Validate says what is wrong with the form of the id.
func (id EndpointID) Validate() error {
	return validatePrefixed("endpoint", endpointPrefix, string(id))
}

// Validate says what is wrong with the form of the id.
func (id SubscriptionID) Validate() error {
	return validatePrefixed("subscription", subscriptionPrefix, string(id))
}

func validatePrefixed(noun, prefix, id string) error {
	rest, valid := strings.CutPrefix(id, prefix)
	valid = valid && len(rest) >= 1 && len(rest) <= 60
	for i := range len(rest) {
		c := rest[i]
		valid = valid && (lowerOrDigit(c) || c >= 'A' && c <= 'Z' || c == '-' || c == '_')
	}
	if valid {
		return nil
	}
	return Errorf(CodeInvalid, "%s id %q: use %q followed by 1 to 60 of a-z, A-Z, 0-9, '-' and '_'", noun, id, prefix)
}

func lowerOrDigit(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

// NewEndpointID makes an id that sorts by its time of making.
func NewEndpointID(now time.Time) EndpointID { return EndpointID(endpointPrefix + sortable(now)) }

// NewSubscriptionID makes an id that sorts by its time of making.
func NewSubscriptionID(now time.Time) SubscriptionID {
	return SubscriptionID(subscriptionPrefix + sortable(now))
}

// NewReplayID is the id of a replay in the background: "rpl_" and what sorts by its
// time of making.
func NewReplayID(now time.Time) string { return "rpl_" + sortable(now) }

// NewErasureID is the id of an erasure: "ers_" and what sorts by its time of making.
func NewErasureID(now time.Time) string { return "ers_" + sortable(now) }

// sortable is 6 bytes of milliseconds and 9 random bytes in base32hex.
func sortable(now time.Time) string {
	var b [15]byte
	putUint48(b[:], uint64(now.UnixMilli()))
	_, _ = rand.Read(b[6:]) // never fails (crypto/rand since Go 1.24)
	return base32Hex.EncodeToString(b[:])
}

// NewDeliveryID is the id of the delivery of the event that EVENTS stored at
// accepted under sequence, to endpoint.
func NewDeliveryID(accepted time.Time, sequence uint64, endpoint EndpointID) DeliveryID {
	var b [20]byte
	putUint48(b[:], uint64(accepted.UnixMilli()))
	putUint48(b[6:], sequence)
	h := fnv.New64a()
	_, _ = h.Write([]byte(endpoint))
	binary.BigEndian.PutUint64(b[12:], h.Sum64())
	text := [deliveryLen]byte{'d', 'l', 'v', '_'}
	base32Hex.Encode(text[len(deliveryPrefix):], b[:])
	return DeliveryID(text[:])
}

// Accepted is when EVENTS stored the event, and its sequence there.
func (id DeliveryID) Accepted() (at time.Time, sequence uint64, err error) {
	rest, ok := strings.CutPrefix(string(id), deliveryPrefix)
	b, decodeErr := base32Hex.DecodeString(rest)
	// Decoding skips line breaks: 20 bytes of 32 characters means there are none.
	if !ok || decodeErr != nil || len(b) != 20 || len(id) != deliveryLen {
		return time.Time{}, 0, Errorf(CodeInvalid, "delivery id %q: use \"dlv_\" followed by 32 of 0-9 and a-v, as Tidings printed it", string(id))
	}
	return time.UnixMilli(int64(uint48(b))).UTC(), uint48(b[6:]), nil
}

func putUint48(b []byte, v uint64) {
	var full [8]byte
	binary.BigEndian.PutUint64(full[:], v)
	copy(b, full[2:])
}

func uint48(b []byte) uint64 {
	var full [8]byte
	copy(full[2:], b[:6])
	return binary.BigEndian.Uint64(full[:])
}
