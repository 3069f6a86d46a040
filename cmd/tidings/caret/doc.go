// Package caret shows people where in a text something is wrong: in one line what, then
// the text with a caret below the place, then what to do.
package caret
