package catalogue

import (
	"strings"

	"github.com/tidings-dev/tidings/schemas"
)

// Pattern is what a subscription of an endpoint means by a text: a pattern of
// event types, or a name that its dialect gives one. A text that names an event
// the dialect cannot word is refused; of what a pattern matches, the endpoint
// gets what its dialect can.
func (c *Catalogue) Pattern(tenant schemas.TenantID, d schemas.Dialect, text string) (schemas.TypePattern, error) {
	p := schemas.TypePattern(text)
	if d.Open() || strings.Contains(text, schemas.Wildcard) {
		return p, p.Validate()
	}
	if t := c.Named(tenant, d, text); t != nil {
		return schemas.TypePattern(t.Type), nil
	}
	if _, ok := c.Words(tenant, d, text); !ok {
		return "", schemas.Errorf(schemas.CodeInvalid, "the dialect %s has no event %q: use a type that it has a name for, or the name (tidings types lists both)", d, text)
	}
	return p, nil
}
