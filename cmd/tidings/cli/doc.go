// Package cli is the part of the command line that calls the HTTP API, and the
// backup of the registry.
//
// A command asks [App] for a client and a tenant, calls the API, and shows what came.
// With --output json that is the API's own answer, member for member; a list is one
// {"items": […], "next": "…"}. Otherwise it is a table for people, whose columns may
// change. What people are told beside the result goes to the standard error.
//
// Where the API is, and by which token, is said by flags, else by variables, else by
// a context, which is a named set of them in a file. A context's token goes to that
// context's server only.
//
// What receivers, events and servers said is cleaned of control characters before it
// is shown in a terminal.
//
// How commands are worded, and what they exit with, is in package usage.
package cli
