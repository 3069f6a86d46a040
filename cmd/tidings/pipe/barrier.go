package pipe

import (
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/registry/picture"
)

// pipeRegistry is the registry as fanout asks it.
type pipeRegistry struct {
	*registry.Registry
	*picture.Barrier
}
