// Package config is everything that tells the pipe what to do: the settings of
// a process (flags and TIDINGS_* variables) and the static file, tidings.yaml.
// What is made from them lives in its subpackages: the broker connection, the
// streams, the registry, the members, and the HTTP server.
//
// The static file is read as a tree of places, each of which knows its line and
// field, so that all its mistakes are told at once and where they are
// ([Mistakes]). It is read whole or not at all.
//
// Nothing outside this folder reads the environment.
package config
