// Package registry keeps tenants, endpoints, subscriptions, event types and
// tokens in a JetStream key-value bucket, and tells every process of each change.
//
//	tenant.<id>                schemas.Tenant
//	endpoint.<id>              schemas.Endpoint; its secrets and headers are one text that package seal made
//	subscription.<id>          schemas.Subscription
//	token.<id>                 schemas.Token, the hash only
//	type.<tenant>.<type>       schemas.EventType; tenant is "_" for all tenants
//	of.<noun>.<parent>.<id>    empty: the record belongs to the parent and goes with it
//	roq.<tenant>               the id of the tenant's one ROQ endpoint
//	progress.<subscription>    how far fanout has read its history
//	used.<token>               when it was last used
//	failing.<endpoint>         since when it has done nothing but fail, as its dispatcher knows it
//	secret.<name>              a key that all processes share, sealed
//	secret.<tenant>.<name>     the same for one tenant, with which it goes
//	restoring.backup           a restore goes on: the rest is not whole ([Restoring])
//
// Who owns what: the static file owns the records it declares ([Registry.Declare]),
// and Update and Delete refuse those; Put and Remove do not ask. What the pipe
// itself finds out (consent, a disabled endpoint, how far a history has come) is
// written to anybody's record and is no part of a declaration.
//
// One record is one key, so one update is one message to each watcher, and costs
// its writer the same however many records there are. A record's revision is its
// version: every write is against the version that was read, so no update is
// lost. Who names a version is refused if there is another ([schemas.CodeStale]);
// who names none, like a put, is tried again, and of two puts the last wins. An
// id is one record's over all tenants, and another tenant's record does not exist.
//
// Removing a record removes what belongs to it first: what was matched before
// still finds its way to a reason. What is made for a parent is listed, then
// written, then its parent is looked for once more; what is removed is swept,
// removed, and swept again. So of the two at once one sees the other.
//
//	what fails                              → what happens
//	a key this process lacks                → reading says which; a watcher logs it and its picture keeps what was there
//	a record that does not parse            → the same
//	a process dies while it removes         → some of what belongs to the record is gone; removing again goes on
//	a process dies while it makes a record  → an entry of a list is left, which nobody minds
//	a restore begins, or is interrupted     → pictures show what was there before, and nothing else is read or written, until it has ended
//	the two sides of a ROQ claim at once    → one is undone, and told so; a watcher may see it come and go
//
// A [Watcher] hands over what is there, event types first, then every change, in
// the order of the bucket. After [Watcher.CaughtUp] what it feeds shows every write
// that had returned before, by whichever process: a [Picture] answers the API so.
//
// The bucket's leader alone answers, so what is read is what was last written.
package registry
