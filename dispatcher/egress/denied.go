package egress

import (
	"fmt"
	"net/netip"
)

// Denied is the guard's refusal to connect. It is found with errors.As under
// whatever net and net/http wrap around it.
type Denied struct {
	// Address was about to be connected to. It is the zero Addr if there was none
	// yet: the dialer had no IP address to offer, or the URL was enough.
	Address netip.Addr
	// Reason is why, in a few words with a source, like "private network
	// (RFC 1918)". It is meant for people.
	Reason string

	remedy string // what an operator would do about it
}

// Reasons that are no special range.
const (
	reasonNoAddress = "not an IP address"
	reasonZone      = "address with a zone (RFC 4007)"
	reasonPlainHTTP = "plain http outside the allowed ranges"
	reasonDenied    = "address that the operator has closed"
	reasonPort      = "port that the operator has not opened"
	reasonSpelling  = "address in a spelling that not all read alike (URL Standard, IPv4 parser)"
	reasonLocalhost = "localhost, the server's own machine (RFC 6761)"
)

const noRemedy = "no setting opens it"

// Error says what was refused and what an operator would set to open it.
func (d *Denied) Error() string {
	if !d.Address.IsValid() {
		return fmt.Sprintf("egress refused: %s; %s", d.Reason, d.remedy)
	}
	return fmt.Sprintf("egress to %s refused: %s; %s", d.Address, d.Reason, d.remedy)
}

// EgressDenied is true. It lets a caller recognise a refusal by an interface of
// its own, without importing this package.
func (d *Denied) EgressDenied() bool { return true }
