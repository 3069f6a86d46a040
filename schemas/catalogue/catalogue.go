package catalogue

import (
	"strings"
	"sync"

	"github.com/tidings-dev/tidings/schemas"
)

// Catalogue holds the built-in types and those that tenants brought along. It
// is safe for concurrent use.
type Catalogue struct {
	// Refused, if set, is told of each definition that Apply kept out: whose it
	// is, and what is wrong. Set it before the first Apply.
	Refused func(error)

	mu sync.RWMutex
	// own are the types of each tenant by their name; those of the empty tenant
	// are for all. mu guards it, Apply changes it.
	own map[schemas.TenantID]map[string]*Type
}

// New is a catalogue of the built-in types.
func New() *Catalogue {
	return &Catalogue{own: make(map[schemas.TenantID]map[string]*Type)}
}

// Apply takes in a change of the registry; one that is not about an event type
// means nothing to it. A definition that does not parse is kept out: what was
// there before stays, and Refused hears of it.
func (c *Catalogue) Apply(change schemas.Change) {
	if change.EventType == nil {
		return
	}
	e := *change.EventType
	var t *Type
	if !change.Removed {
		var err error
		if t, err = Parse(e.Type+extension, e.Definition); err != nil {
			if c.Refused != nil {
				c.Refused(schemas.Errorf(schemas.CodeInvalid, "event type of tenant %q: %w", e.Tenant, err))
			}
			return
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case change.Removed:
		delete(c.own[e.Tenant], e.Type)
	case c.own[e.Tenant] == nil:
		c.own[e.Tenant] = map[string]*Type{e.Type: t}
	default:
		c.own[e.Tenant][e.Type] = t
	}
}

// Find is the type as the tenant knows it: its own, or the one brought for all
// tenants, or the built-in one; nil if there is none.
func (c *Catalogue) Find(tenant schemas.TenantID, eventType string) *Type {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.find(tenant, eventType)
}

// find wants mu to be held.
func (c *Catalogue) find(tenant schemas.TenantID, eventType string) *Type {
	if t := c.own[tenant][eventType]; t != nil {
		return t
	}
	if t := c.own[""][eventType]; t != nil {
		return t
	}
	return builtinByType()[eventType]
}

// Words are how a dialect words the type, as the tenant knows it. False means
// that the dialect has no word for it; an open dialect has one for every type.
func (c *Catalogue) Words(tenant schemas.TenantID, d schemas.Dialect, eventType string) (Words, bool) {
	if d.Open() {
		return Words{Name: eventType}, true
	}
	t := c.Find(tenant, eventType)
	if t == nil {
		return Words{}, false
	}
	words, ok := t.Dialects[d]
	return words, ok
}

// Named is the type that bears the name in a dialect, found in the order of
// [Catalogue.Find]; nil if there is none. Roam's documents write names with
// colons and with dots: both mean the same. An open dialect calls every type by
// its own name. Where a tenant gave the name to several types, it means the
// first of them in the order of the alphabet.
func (c *Catalogue) Named(tenant schemas.TenantID, d schemas.Dialect, name string) *Type {
	if d.Open() {
		return c.Find(tenant, name)
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, types := range []map[string]*Type{c.own[tenant], c.own[""], builtinByType()} {
		var found *Type
		for _, t := range types {
			// A type that another one hides has lost its names too.
			if t.bears(d, name) && c.find(tenant, t.Type) == t && (found == nil || t.Type < found.Type) {
				found = t
			}
		}
		if found != nil {
			return found
		}
	}
	return nil
}

func (t *Type) bears(d schemas.Dialect, name string) bool {
	words, ok := t.Dialects[d]
	return ok && spelling(d, words.Name) == spelling(d, name)
}

// spelling is a name in the one form that is compared.
func spelling(d schemas.Dialect, name string) string {
	if d == schemas.DialectRoam {
		return strings.ReplaceAll(name, ":", ".")
	}
	return name
}
