// Package catalogue is every event type Tidings knows: what it means, what its
// data looks like, and what each webhook system calls it.
//
// One file is one type: events/<type>.json. Adding a type is adding a file. A
// tenant brings files of the same form at run time ([Parse], [ReadDir]), and
// for that tenant they win over the built-in ones ([Catalogue]). What several
// types share, like a user, stands once in events/defs and is referred to by
// its URL; nothing else is ever loaded, least of all from the network.
//
//	events/*.json ─────► Builtin ─┐
//	                              ├─► Catalogue ─► Find, Named ─► Type.Validate
//	a tenant's *.json ─► Apply ───┘
//
// Every event is judged, so good ones are judged quickly: a reader of bytes that
// knows the usual keywords passes them without decoding ([Type.Validate]), and
// whatever it doubts goes to the JSON Schema library, which also finds the words.
//
// A file proves itself when it is read: its form, its schema, its pointers, and
// that each valid example passes and each invalid one fails with the words the
// file gives.
//
//	what fails                         what happens
//	a built-in file                    Builtin panics; the tests of this package read every file first
//	a tenant's file                    Parse refuses it, naming file and member; Apply keeps what it had
//	data that breaks its type's rules  Validate names the field and the rule
//	data or a schema that would take   refused: what judging costs at most is reckoned
//	too long                           before (budget.go)
package catalogue
