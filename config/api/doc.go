// Package api serves HTTP: health, and the control plane under /v1.
//
// A request of /v1 goes through the same steps whatever it is for, listed in
// [API.serve]: who calls, may they, is the tenant there, was it answered before
// under this Idempotency-Key, and only then the route's own function. So nothing
// is looked up for a caller who may not see it. openapi.yaml describes every
// route; tests hold the two to one another.
//
// Reads see every write that had returned before them: they wait until the
// picture of the registry has caught up. Writes are made against the version of
// the record (its ETag); a patch without If-Match is applied to whatever the
// record is then, so two that change different members both last.
//
//	what fails                           what the caller gets
//	no token, a wrong or expired one     401
//	another tenant's, or beyond scope    403, the same text whether it exists or not
//	a body that is wrong                 400 with the field
//	data that breaks its type's schema   422, and no event of the batch is published
//	the record moved on                  412
//	declared in tidings.yaml, taken,
//	a dialect that lacks a word,
//	more than a user may have            409
//	JetStream cannot be reached          503; the same Idempotency-Key may try again
package api
