// Package quota holds tenants to what they may have ([schemas.Quota]).
//
// Whoever takes something in for a tenant asks [Quotas] first: a door before it
// stores events, an API before it makes an endpoint. A refusal is a
// [schemas.CodeTooMany], and tells how long to wait where waiting helps. What has
// been accepted is never touched: a tenant beyond its quota gets no more in, and
// loses nothing.
//
// How much is stored for a tenant is counted by fanout, which sees every event
// whatever door it came by: [Meter] keeps the count in the registry. How much is
// held JetStream knows.
//
//	quota         counted by                        what may pass beside it
//	events        each process that has the door    as much again for each further process
//	stored_bytes  fanout, noted every 10 s          what comes in those seconds, and in those that a fanout that is killed had not noted
//	held          JetStream, asked every 10 s       what comes in those seconds
//	endpoints     the registry's picture            as many at once as there are other processes
//
// A service that publishes over NATS is trusted with its rate. What it stores
// counts, and keeps the tenant from storing more over HTTP.
package quota
