// Package pipe is one process of the pipe: it puts the stages together as the settings
// say, with the broker, the registry, the API and what watches over them. Main runs one
// for `tidings run`; the demo and the benchmark run one inside themselves.
//
//	settings ──► broker ──► streams ──► registry ──► HTTP ──► dispatcher ──► fanout
//
// It starts in this order, so that nothing is taken in that could not go on, and stops in
// the reverse, so that what was taken is handed on. Its tests are the pipe's as a whole,
// in one process and nearly all in virtual time; those with processes that are killed are
// in cmd/tidings/processes.
package pipe
