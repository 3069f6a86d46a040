// Package access says who calls the API, and what they may do.
//
// A caller presents a token as "Authorization: Bearer tidings_…" (RFC 6750,
// section 2.1). Its SHA-256 is looked up: so what is kept opens nothing, and the
// time a look-up takes tells nothing of any token, since nobody can choose the
// hash they are compared by. The random part has 256 bits, so a fast hash is
// enough.
//
// A host application that embeds the console for its users makes a [Link] for each:
// a right of its own that is sealed rather than kept, for a time, for one tenant, and
// for no longer than the token works that made it.
//
//	what fails                                → what the caller hears
//	no token, or another scheme               → unauthenticated: how to present one
//	a token that is malformed, unknown,
//	revoked or expired                        → unauthenticated: the same words for all
//	more requests than the token is allowed   → too_many, with the time to wait
//	more wrong tokens than an address may try → too_many, with the time to wait
//	a right the scope does not give, or
//	another tenant, whether it exists or not  → forbidden: the same words for both
//
// A right token comes in from whatever address. Limits are kept in memory, by
// process: for at most 10 000 tokens and as many addresses of the latest. An address
// is an IPv4 address or the /64 of an IPv6 one.
package access
