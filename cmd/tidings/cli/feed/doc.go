// Package feed reads CloudEvents from a file, each checked before it is handed on.
package feed
