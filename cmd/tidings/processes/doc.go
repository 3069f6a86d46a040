// Package processes tests the binary as an operator runs it: real processes, on
// the machine's clock and on loopback, that are stopped, killed and replaced
// while events flow. It has tests only.
//
// A test keeps its ledger in its own process: what publishers were told is
// stored, and each request that the receivers took. In the end the two, and DEAD,
// must agree.
package processes
