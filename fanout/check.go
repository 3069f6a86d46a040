package fanout

import (
	"maps"
	"slices"

	"github.com/tidings-dev/tidings/fanout/filter"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// CheckSubscription says what is wrong with a subscription's filters, with place,
// line, column and reason, like "filters[1].cel: 1:5: undefined field 'statuss'".
// What they say of data must fit one of the types that the subscription's
// patterns match, as its tenant knows them now. If it names a type that the
// catalogue does not have, or a pattern matches none, nothing is known of the
// data.
func CheckSubscription(s schemas.Subscription, c *catalogue.Catalogue) error {
	return filter.Check(s.Filters, typesOf(s, c))
}

// typesOf are the types whose data the subscription's filters meet, in order;
// none if one of them is not known.
func typesOf(s schemas.Subscription, c *catalogue.Catalogue) (types []*catalogue.Type) {
	all := c.Types(s.Tenant)
	names := slices.Sorted(maps.Keys(all))
	for _, p := range s.Types {
		known := false
		for _, name := range names {
			if !p.Matches(name) {
				continue
			}
			if known = true; !slices.Contains(types, all[name]) {
				types = append(types, all[name])
			}
		}
		if !known {
			return nil
		}
	}
	return types
}
