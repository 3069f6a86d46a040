package main

import "github.com/tidings-dev/tidings/config/registry"

// pipeRegistry is the registry as fanout asks it.
type pipeRegistry struct {
	*registry.Registry
	*registry.Barrier
}
