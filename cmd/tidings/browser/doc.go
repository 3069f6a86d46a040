// Package browser tests the console as a person meets it: in Chromium, against the
// binary with its embedded broker, on loopback. It has tests only.
//
// The tests share one process of Tidings and one of Chromium; each has a tenant and a
// tab of its own. `make screens` keeps a picture of every page in ./bin/screens.
package browser
