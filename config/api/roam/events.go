package roam

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// unheard are events of Roam's that the catalogue has no type for: they may be
// subscribed, and come once there is one.
var unheard = []string{"transcript.started", "magicast.created"}

// typeOf is the CloudEvents type that an event's name means, with dots or with
// colons. What the catalogue knows of it is nil for some that Roam has.
func typeOf(c *catalogue.Catalogue, tenant schemas.TenantID, name string) (string, *catalogue.Type, error) {
	if t := c.Named(tenant, schemas.DialectRoam, name); t != nil {
		return t.Type, t, nil
	}
	if dotted := strings.ReplaceAll(name, ":", "."); slices.Contains(unheard, dotted) {
		return dotted, nil, nil
	}
	return "", nil, schemas.Errorf(schemas.CodeInvalid, "Unrecognized event %.100q: use one like \"chat:message:dm\" or \"onair.event.created\"", name)
}

// maxCodes bounds the codes of one filter: each is a condition.
const maxCodes = schemas.MaxFilters - 1

// statuses are what a guest may answer.
var statuses = []string{"invited", "going", "maybe", "notGoing"}

// readFilter is a filter as it is given back, and the conditions that it means:
// all of its members. Of the four that Roam has an event takes those that the
// catalogue has a field for. No filter, null and an object without members are
// the same.
func readFilter(event string, fields map[string]string, given map[string]json.RawMessage) (map[string]any, []schemas.Filter, error) {
	filter := make(map[string]any, len(given))
	exact := make(map[string]string, len(given))
	var all []schemas.Filter
	for _, name := range slices.Sorted(maps.Keys(given)) {
		raw, field := given[name], fields[name]
		known := slices.Contains([]string{"lobbyId", "codes", "eventId", "status"}, name)
		switch {
		case !known:
			return nil, nil, schemas.Errorf(schemas.CodeInvalid, "filter.%.100s is unknown: use lobbyId, codes, eventId or status", name)
		case field == "":
			return nil, nil, schemas.Errorf(schemas.CodeInvalid, "filter.%s does not go with the event %s: leave it out", name, event)
		case name == "codes":
			codes, err := readCodes(raw)
			if err != nil {
				return nil, nil, err
			}
			filter[name] = codes
			all = append(all, anyOf(field, codes))
		default:
			var value string
			if err := json.Unmarshal(raw, &value); err != nil || value == "" {
				return nil, nil, schemas.Errorf(schemas.CodeInvalid, "filter.%s is not a string with text in it: give the one to wait for", name)
			}
			if name == "status" && !slices.Contains(statuses, value) {
				return nil, nil, schemas.Errorf(schemas.CodeInvalid, "filter.status is %.100q: use %s", value, strings.Join(statuses, ", "))
			}
			filter[name], exact[field] = value, value
		}
	}
	if len(exact) > 0 {
		all = append(all, schemas.Filter{Exact: exact})
	}
	return filter, all, schemas.ValidateFilters(all)
}

func readCodes(raw json.RawMessage) ([]string, error) {
	var codes []string
	if err := json.Unmarshal(raw, &codes); err != nil || len(codes) == 0 || len(codes) > maxCodes || slices.Contains(codes, "") {
		return nil, schemas.Errorf(schemas.CodeInvalid, "filter.codes is not a list of 1 to %d names of reactions: write it like [\"heart\"]", maxCodes)
	}
	return codes, nil
}

// anyOf is met by each of the values.
func anyOf(field string, values []string) schemas.Filter {
	var each []schemas.Filter
	for _, v := range slices.Compact(slices.Sorted(slices.Values(values))) {
		each = append(each, schemas.Filter{Exact: map[string]string{field: v}})
	}
	if len(each) == 1 {
		return each[0]
	}
	return schemas.Filter{Any: each}
}
