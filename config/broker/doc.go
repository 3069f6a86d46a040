// Package broker gives a process its NATS connection: to the JetStream server
// embedded in the process, or to a server or cluster elsewhere. Everything
// above it sees only the connection.
package broker
