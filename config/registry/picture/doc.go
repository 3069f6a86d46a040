// Package picture keeps the registry in memory, in the order in which the API
// lists it: what a watcher of the registry tells is applied, and read without
// asking the registry. A reader who wants no older answer than the latest write
// asks a [Barrier] first.
//
// A page of a list, and a change of one record, cost the same however much there
// is. Two tokens of one hash are no error here: the one that was written last
// answers, and the hash goes with it, so a doubled token never outlives the one
// that was revoked.
package picture
