package producers_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// ownType is a type that a service of a tenant brings along.
const ownType = `{
	"type": "parcel.sent", "domain": "parcels", "meaning": "A parcel left.",
	"schema": {"type": "object", "required": ["weight"], "properties": {"weight": {"type": "integer", "description": "grams"}}},
	"valid": [{"weight": 1}], "invalid": [{"data": {}, "error": "weight"}]
}`

func TestValidation(t *testing.T) {
	own := catalogue.New()
	own.Apply(schemas.Change{EventType: &schemas.EventType{Tenant: "acme", Type: "parcel.sent", Definition: json.RawMessage(ownType)}})
	valid := string(catalogue.New().Find("", "lobby.booked").Valid[0])
	invalid := strings.Replace(valid, `"active"`, `"inactive"`, 1)
	for name, tt := range map[string]struct {
		types      *catalogue.Catalogue
		validation schemas.Validation
		eventType  string
		data       string
		refused    string // what the error says; "" if it is taken
	}{
		"valid":                         {nil, "", "lobby.booked", valid, ""},
		"invalid":                       {nil, "", "lobby.booked", invalid, "data/lobby/active"},
		"no data":                       {nil, "", "lobby.booked", "", "data"},
		"reject by name":                {nil, schemas.ValidationReject, "lobby.booked", invalid, "data/lobby/active"},
		"invalid, left to fanout":       {nil, schemas.ValidationQuarantine, "lobby.booked", invalid, ""},
		"valid, all the same":           {nil, schemas.ValidationWarn, "lobby.booked", valid, ""},
		"a type nobody knows":           {nil, "", "parcel.sent", `{}`, ""},
		"one's own":                     {own, "", "parcel.sent", `{"weight":20}`, ""},
		"one's own, invalid":            {own, "", "parcel.sent", `{"weight":"20"}`, "data/weight: must be an integer"},
		"the built-in ones stand still": {own, "", "lobby.booked", invalid, "data/lobby/active"},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t)
			pub, err := producers.New(p.NC, producers.Options{Tenant: "acme", Source: "/test", Catalogue: tt.types, Validation: tt.validation})
			if err != nil {
				t.Fatal(err)
			}
			e := created("e1")
			e.SetType(tt.eventType)
			e.DataEncoded = []byte(tt.data)
			_, err = pub.Publish(t.Context(), e)
			if tt.refused != "" {
				refused(t, err)
				if !strings.Contains(err.Error(), tt.refused) || count(t, p.stream) != 0 {
					t.Errorf("got %v with %d stored; want %q and none", err, count(t, p.stream), tt.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if count(t, p.stream) != 1 {
				t.Error("it is not stored")
			}
		})
	}
}
