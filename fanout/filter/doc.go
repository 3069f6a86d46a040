// Package filter decides whether an event meets a subscription's conditions: the
// dialects of CloudEvents Subscriptions 1.0 (section 3.2.4), and CEL.
//
// [Check] judges filters when they are written: the form of pointers and
// expressions, and what CEL says of data by the schemas of the event types it may
// meet. A [Compiler] makes a [Condition] of them, which needs no schema: types
// may come and change later. An [Event] is what conditions are tried on; it reads
// its data only when one asks, and what is asked for once.
//
//	what fails                          what happens
//	an expression does not compile      refused, with line, column and reason
//	a member or attribute is not there  that exact, prefix, suffix, sql or cel is false
//	an expression is too costly, or     the same
//	meets a value it cannot work with
//
// So a "not" around what cannot be judged holds, as the specification has it.
//
// [Condition.Keys] are equalities to find conditions by, in place of trying them:
// those of exact filters, and of expressions that cannot be true without them,
// like data.status == "open" && data.n > 1, or subject = 'x' AND region LIKE 'e%'.
//
// In CEL the attributes are variables (id, source, type, subject, dataschema,
// datacontenttype, specversion as strings, time as a timestamp), attributes is a
// map of them all as strings, extensions too, and data is the data. A number
// without fraction and exponent is an int, or a uint if it is too large for one;
// every other is a double. Of a member that an object has twice the last counts.
package filter
