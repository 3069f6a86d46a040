// Package bench is `tidings bench`: what the pipe does on this machine, each figure beside
// the ceiling or the quiet run that it was measured with, alternating, in one run.
//
//	load ──► a pipe in a folder of its own ──► the sink, a process of its own ──► report
//
// It also measures what `tidings simulate` counts by, and holds its model to real loads
// (--check).
package bench
