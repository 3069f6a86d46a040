// Package retention removes what has been kept long enough: by a tenant's own ages,
// and the delivery log by its size too.
//
//	what                            is kept for
//	EVENTS events.<p>.<tenant>.>    the tenant's `events`, from when it was accepted
//	DEAD dead.<tenant>.>            the tenant's `events`, from when it died
//	LOG log.<tenant>                the tenant's `log`, from when it was written
//	the log's database              the tenant's `log`, or the operator's, from when the event was accepted
//
// The streams themselves remove what is older than the operator's ages, so a tenant can
// have a shorter age, never a longer one. An event that fanout has yet to acknowledge
// stays, however old: nothing accepted is lost. LOG is not bounded in bytes by
// JetStream, which would set so much storage aside: the [Janitor] removes its oldest
// messages, whosever they are, while it has more.
//
// Each process with the role api has a janitor. Several do no harm: to remove what is
// gone changes nothing. Data is removed within [Every] of its time; JetStream gives its
// place on the disk to others and does not overwrite it, as an erasure does.
//
//	what fails              what happens
//	the process             another, or the next, does the rest
//	JetStream, a database   it is said in the log, and tried at the next turn; others' data goes on
package retention
