// Package demo is `tidings demo`, and so `make run`: the pipe's main job on the embedded
// broker, with producers and receivers of its own, told as a story while it happens.
package demo
