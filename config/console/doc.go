// Package console serves the web pages by which people see and steer the pipe.
//
// The pages are files written by hand, embedded in the binary as they are: there is
// no build step, and nothing is fetched from elsewhere. They call the public API
// with a token that the person gives, which the browser keeps for the tab alone, so
// that there is no cookie to forge requests with.
//
//	GET /                      the page; asked for anew each time, by its ETag
//	GET /console/<hash>/…      its scripts and styles; kept for ever: another
//	                           version has another hash
//	GET /console.json          how the operator wants it called
//
// Data of events, endpoints and receivers is hostile. It becomes text of the page
// only by web/js/dom.js, which knows no markup, and the Content-Security-Policy
// refuses whatever gets past that.
//
// | what fails                     | what happens                                  |
// |--------------------------------|-----------------------------------------------|
// | the API refuses                | the page shows the reason, and what to do      |
// | the API is slow or away        | each part of a page waits, and can be retried  |
// | a route is not there (404)     | the page does without, or says so              |
// | a page of an older version     | its files are gone: it says to load anew       |
package console
