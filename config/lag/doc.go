// Package lag finds out how far behind the pipe is: what waits in the partitions that
// a process owns, and how old it is.
//
// Every [Options.Every] it asks JetStream, one request at a time, about each partition
// that is the process's:
//
//	fanout      its consumer of EVENTS; the oldest event that is not acknowledged
//	dispatcher  its consumer of DELIVERIES; the oldest delivery that is due; how many
//	            are held for each endpoint; the oldest of them, of a few endpoints a look
//
// [Pulled] does the same for the queues from which deliveries are pulled, which are no
// partition's: each process that has the role api tells of all. So does [Fleet],
// of how much work nobody has taken up, whether any process of a stage runs or not:
// what decides how many there should be.
//
// What waits for a retry is stored in no order of age. The few oldest of each endpoint
// are remembered from their attempts ([Poller.Settled]), so a process that has just
// begun does not know them.
//
//	what fails            what happens
//	JetStream is away     the last picture stays, and says how old it is
//	a partition moves on  it is left out from the next look on
//	very many endpoints   each look finds the age of 32 held queues of a partition, and
//	are held              of 32 that are pulled from, the longest unseen first: of the
//	                        others it is what it was
//
// It has the rights of the role whose connection it is given, and needs no others.
package lag
