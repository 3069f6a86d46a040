package catalogue_test

import (
	"fmt"
	"testing/fstest"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

func ExampleType_Validate() {
	user := catalogue.New().Find("acme", "user.created")
	fmt.Println(user.Validate([]byte(`{"current": {"id": "u1", "reference": "7", "email": 7}, "previous": null}`)))
	// Output: data/current/createdAt: is missing
}

func ExampleCatalogue_Named() {
	c := catalogue.New()
	fmt.Println(c.Named("acme", schemas.DialectRoam, "lobby:booked").Type)
	fmt.Println(c.Named("acme", schemas.DialectROQ, "ROQ_USER_INSERT").Meaning)
	// Output:
	// lobby.booked
	// A user was created.
}

// A tenant's own type is one file, which proves itself.
func ExampleReadDir() {
	types, err := catalogue.ReadDir(fstest.MapFS{"parcel.sent.json": {Data: []byte(`{
		"type": "parcel.sent",
		"domain": "parcels",
		"meaning": "A parcel was handed to the carrier.",
		"schema": {
			"type": "object",
			"required": ["id"],
			"properties": {"id": {"type": "string", "minLength": 1, "description": "The parcel's id."}},
			"additionalProperties": false
		},
		"valid": [{"id": "p1"}],
		"invalid": [{"data": {"id": 1}, "error": "data/id: must be a string"}]
	}`)}})
	if err != nil {
		fmt.Println(err)
		return
	}
	c := catalogue.New()
	for _, t := range types {
		c.Apply(schemas.Change{EventType: &schemas.EventType{Tenant: "acme", Type: t.Type, Definition: t.Definition()}})
	}
	fmt.Println(c.Find("acme", "parcel.sent").Validate([]byte(`{"id": "p1", "ids": []}`)))
	// Output: data/ids: is not a known member
}
