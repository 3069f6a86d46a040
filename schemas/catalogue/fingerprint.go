package catalogue

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
)

// fingerprintSize is how many bytes of the hash are kept. Two types of one name
// are compared, not all with all.
const fingerprintSize = 8

// fingerprint hashes the rules of a schema and of those it refers to.
func fingerprint(schema any, used map[string]any) (string, error) {
	rules := struct {
		Schema any
		Used   map[string]any
	}{plain(schema), make(map[string]any)}
	for url, doc := range used {
		rules.Used[url] = plain(doc)
	}
	text, err := json.Marshal(rules) // sorts the members
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:fingerprintSize]), nil
}

// plain is a schema without what is no rule, and with what has no order sorted.
// Keywords it does not know stay as they are.
func plain(schema any) any {
	object, ok := schema.(map[string]any)
	if !ok {
		return schema
	}
	rules := make(map[string]any, len(object))
	for keyword, value := range object {
		switch keyword {
		case "$schema", "$comment", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly":
		case "type", "required", "enum":
			rules[keyword] = sorted(value)
		case "properties", "patternProperties", "$defs", "definitions", "dependentSchemas":
			rules[keyword] = plainMembers(value)
		case "allOf", "anyOf", "oneOf", "prefixItems":
			rules[keyword] = plainElements(value)
		case "items", "contains", "not", "if", "then", "else", "propertyNames", "contentSchema",
			"additionalProperties", "unevaluatedProperties", "unevaluatedItems":
			rules[keyword] = plain(value)
		default:
			rules[keyword] = value
		}
	}
	return rules
}

func plainMembers(value any) any {
	members, ok := value.(map[string]any)
	if !ok {
		return value
	}
	rules := make(map[string]any, len(members))
	for name, schema := range members {
		rules[name] = plain(schema)
	}
	return rules
}

func plainElements(value any) any {
	elements, ok := value.([]any)
	if !ok {
		return value
	}
	rules := make([]any, len(elements))
	for i, schema := range elements {
		rules[i] = plain(schema)
	}
	return rules
}

func sorted(value any) any {
	elements, ok := value.([]any)
	if !ok {
		return value
	}
	texts := make([]string, len(elements))
	for i, e := range elements {
		text, err := json.Marshal(e)
		if err != nil {
			return value
		}
		texts[i] = string(text)
	}
	slices.Sort(texts)
	return texts
}
