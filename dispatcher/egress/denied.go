package egress

import (
	"fmt"
	"net/netip"
)

// Denied is the guard's refusal to connect. It is found with errors.As under
// whatever net and net/http wrap around it.
type Denied struct {
	// Address was about to be connected to. It is the zero Addr if the dialer
	// had no IP address to offer.
	Address netip.Addr
	// Reason is why, in a few words with a source, like "private network
	// (RFC 1918)". It is meant for people.
	Reason string
}

// Reasons that are no special range.
const (
	reasonNoAddress = "not an IP address"
	reasonZone      = "address with a zone (RFC 4007)"
	reasonPlainHTTP = "plain http outside the allowed ranges"
)

// Error says what was refused and what an operator would set to open it.
func (d *Denied) Error() string {
	switch d.Reason {
	case reasonNoAddress:
		return "egress refused: " + d.Reason + "; write a host name or an IP address in the url"
	case reasonZone:
		return fmt.Sprintf("egress to %s refused: %s; no setting opens it", d.Address, d.Reason)
	}
	host := d.Address.Unmap()
	open := fmt.Sprintf("set --egress-allow=%s/%d", host, host.BitLen())
	if d.Reason == reasonPlainHTTP {
		return fmt.Sprintf("egress to %s refused: %s; use https, or %s", d.Address, d.Reason, open)
	}
	return fmt.Sprintf("egress to %s refused: %s; to deliver there, %s", d.Address, d.Reason, open)
}

// EgressDenied is true. It lets a caller recognise a refusal by an interface of
// its own, without importing this package.
func (d *Denied) EgressDenied() bool { return true }
