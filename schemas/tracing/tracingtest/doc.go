// Package tracingtest records the spans of a test, and prints them as a tree that is
// the same in every run.
package tracingtest
