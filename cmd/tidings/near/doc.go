// Package near guesses what was meant by a word that nobody knows.
package near
