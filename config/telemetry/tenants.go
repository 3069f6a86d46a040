package telemetry

import (
	"sync"

	"github.com/tidings-dev/tidings/schemas"
)

// other stands for all tenants that have no series of their own.
const other = "other"

// tenants gives the first few tenants a name in attributes.
type tenants struct {
	most int

	mu    sync.RWMutex // guards named
	named map[schemas.TenantID]struct{}
}

func newTenants(most int) *tenants {
	return &tenants{most: most, named: map[schemas.TenantID]struct{}{}}
}

// name is a tenant's in attributes: empty if tenants are not told apart.
func (t *tenants) name(id schemas.TenantID) string {
	if t.most <= 0 {
		return ""
	}
	t.mu.RLock()
	_, known := t.named[id]
	full := len(t.named) >= t.most
	t.mu.RUnlock()
	switch {
	case known:
		return string(id)
	case full:
		return other
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.named[id]; !known && len(t.named) >= t.most {
		return other
	}
	t.named[id] = struct{}{}
	return string(id)
}
