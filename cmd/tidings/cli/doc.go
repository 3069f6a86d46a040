// Package cli are the commands that call the HTTP API, and those that look after what is
// stored: the backup of the registry, and the delivery log.
//
// A command asks package call for a client and a tenant, calls the API, and shows what
// came. With --output json that is the API's own answer, member for member; a list is
// one {"items": […], "next": "…"}. Otherwise it is a table for people, whose columns may
// change. What people are told beside the result goes to the standard error.
//
//	call/      flags, session, lists, questions, completion
//	show/      tables, JSON, bars; cleaned of what a terminal would obey
//	feed/      events of a file
//	setting/   what --set says
//	contexts/  servers, tokens and tenants by name
//
// How commands are worded, and what they exit with, is in package usage.
package cli
