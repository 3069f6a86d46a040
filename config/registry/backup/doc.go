// Package backup writes all that the registry's bucket holds into a file, and puts
// it back.
//
// The file has one line of JSON for its header, and one for each entry:
//
//	{"format":"tidings-registry","version":1,"bucket":"TIDINGS_REGISTRY","made":"…","sequence":42,"events":"…","count":2,"sha256":"…"}
//	{"key":"tenant.acme","value":"<base64>"}
//
// Entries are as they are stored: what is sealed stays sealed, and opens with the
// keys that sealed it, which are not in the file. The SHA-256 is of all that comes
// after the header's line. The file is the state of the bucket at one sequence,
// whoever writes to it meanwhile.
//
//	what fails                                → what happens
//	a file is cut short, or altered           → it is refused before anything is written
//	the registry has tenants or types         → nothing is written, unless the caller replaces them
//	a restore is interrupted                  → a mark is left ([registry.RestoringKey]): no process acts on what is there, nor starts, until a restore has ended; repeat it, and replace
//	two restore at once                       → the one that began first is told, and the mark stays until the other ends
//	the events are on another stream by now   → positions in the old one are left out, see [Restored.LeftOut]
package backup
