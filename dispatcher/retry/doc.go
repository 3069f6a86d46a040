// Package retry turns what an attempt met into its [schemas.Outcome]: what it
// means, whether to try again, and when. It is pure: the caller brings the
// clock and the random number, so the same attempt is always judged the same.
//
// What follows is the policy of Standard Webhooks 1.0.0, "Deliverability and
// reliability". [Rules] change it for systems that word it differently:
//
//	met                                      outcome
//	2xx                                      delivered ok
//	3xx, never followed                      retry redirect
//	410                                      dead gone
//	429, or 503 with a valid Retry-After     retry throttled, not before the receiver asked
//	other 4xx                                retry client_error
//	other 5xx                                retry server_error
//	any other status                         retry bad_response
//	no response: egress guard                retry egress_denied
//	no response: a deadline passed           retry timeout
//	no response: the name did not resolve    retry dns
//	no response: handshake or certificate    retry tls
//	no response: no connection               retry connect
//	no response: the connection broke        retry reset
//	no response: anything else               retry bad_response
//	a retry, and the schedule is at its end  dead exhausted
//	a retry, and there is no schedule        dead not_retried
//	a retry later than the delivery may live dead too_old
//
// What the endpoint's policy says of a status ([Rules.Statuses]) comes before
// all that, and before the rules of its dialect:
//
//	delivered                                delivered ok
//	retry, of a 2xx too                      retry; bad_response for a 2xx, client_error for a 410
//	dead                                     dead not_retried
//	disable                                  dead status_disables; gone for a 410
//
// A retry waits as its [Schedule] says, give or take 10 %, so that deliveries
// that failed together do not come back together.
package retry
