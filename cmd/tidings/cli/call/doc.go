// Package call is what commands share that call the API: the flags that say where it is,
// a session with its client, lists, the commands that get, change and remove one thing,
// questions, hints, and completion.
//
// Where the API is, and by which token, is said by flags, else by variables, else by
// a context, which is a named set of them in a file. A context's token goes to that
// context's server only.
package call
