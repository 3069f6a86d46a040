// Package capacity counts what a load needs: processes, streams, memory, disks, money,
// and how many cells. A cell is one NATS cluster with its processes and its registry;
// what no cell can hold takes several.
//
// All of it is arithmetic on measured costs (package calibration). A [Bound] is a limit
// that more machines in the same cell do not lift, since one stream has one leader, one
// process has the whole registry, and one writer makes the log searchable. The bound
// that is nearest decides how many cells there are.
//
//	what                        is taken to be
//	fanout, dispatcher          processes of both roles; what two of them share is stored first
//	CPU                         measured on one machine, broker included, and the broker again: too much rather than too little
//	memory                      twice what is live: Go's collector needs room
//	three copies                as dear on three machines as on three servers in one process
//	network between machines    nothing, but for what goes to the receivers
package capacity
