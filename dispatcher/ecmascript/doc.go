// Package ecmascript writes JSON the way JavaScript does. Receivers of two
// webhook systems parse a body and serialise it again before they check its
// signature, so what is signed must be JavaScript's bytes, not Go's.
//
//	[Stringify]     JSON.stringify(JSON.parse(text))
//	[Canonicalize]  the same value with its members sorted: RFC 8785
//	[AppendString]  JSON.stringify(s) of a string
//
// The rules are those of ECMA-262, sections 25.5 (JSON), 6.1.6.1.20
// (Number::toString) and 10.1.11 (the order of an object's properties):
//
//	white space          none is written
//	"<>&", U+2028        written as they are: only ", \ and what is below U+0020 is escaped
//	\ud83d\ude00         the character itself
//	\ud800 alone         kept, in lower case
//	invalid UTF-8        U+FFFD for each maximal subpart, as Buffer.toString and TextDecoder do
//	numbers              as a float64: 1.0 is 1, -0 is 0, 1e21 is 1e+21
//	numbers too large    null: JSON.parse makes them Infinity
//	a name twice         the last value, in the first one's place
//	"0" to "4294967294"  array indexes: [Stringify] writes them first, in ascending order
//	"__proto__"          a name like any other
//
// A text is refused, with [schemas.CodeInvalid] and the byte offset of what is
// wrong, if it is not JSON (a byte order mark is not) or is nested deeper than
// 1,000 arrays and objects. Node 20 parses any depth, but with its default
// stack JSON.stringify ends at about 4,000 and npm json-canonicalize at about
// 2,000: what is accepted here a receiver can read. There is no other
// limit. Time and memory grow with a text's length, and the logarithm of an
// object's size: a megabyte takes some 0.1 s and 70 MB at the worst.
//
// One difference to npm json-canonicalize is known and kept: it writes an
// object that has a member "toJSON" other than null, and all below it, without
// sorting. [Canonicalize] sorts always, as RFC 8785 says.
//
// Libraries for RFC 8785 refuse or change what JavaScript accepts: names given
// twice, lone surrogates, invalid UTF-8 and numbers that are too large. A body
// with those must be delivered nevertheless, hence this package.
package ecmascript
