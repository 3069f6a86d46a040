package filter

import (
	"fmt"

	"cel.dev/cel-go/cel"
	celtypes "cel.dev/cel-go/common/types"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// Check says what is wrong with filters that are to be written: a
// [*schemas.Error] of [schemas.CodeInvalid] that names where, line, column and
// reason:
//
//	filters[1].cel: 1:5: undefined field 'statuss'
//
// Types are those that the events may have, as the catalogue knows them: an
// expression of CEL must fit the data of one of them at least. None means that
// nothing is known of the data.
func Check(filters []schemas.Filter, types []*catalogue.Type) error {
	if _, err := NewCompiler().Compile(filters); err != nil {
		return err
	}
	c := checker{types: types}
	return c.list("filters", filters)
}

// checker holds expressions to the schemas of types.
type checker struct {
	types []*catalogue.Type
	envs  []*cel.Env // of types, made when they are needed
}

func (c *checker) list(at string, filters []schemas.Filter) error {
	for i := range filters {
		if err := c.filter(fmt.Sprintf("%s[%d]", at, i), &filters[i]); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) filter(at string, f *schemas.Filter) error {
	switch {
	case len(f.All) > 0:
		return c.list(at+".all", f.All)
	case len(f.Any) > 0:
		return c.list(at+".any", f.Any)
	case f.Not != nil:
		return c.filter(at+".not", f.Not)
	case f.CEL == "" || len(c.types) == 0:
		return nil
	}
	var first error
	for i := range c.types {
		env, err := c.env(i)
		if err == nil {
			_, err = checked(env, f.CEL)
		}
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return schemas.Errorf(schemas.CodeInvalid, "%s.cel: %w (in data of %s; dyn(data) is held to no schema)", at, first, c.named())
}

// named are the types in words.
func (c *checker) named() string {
	if len(c.types) == 1 {
		return c.types[0].Type
	}
	return fmt.Sprintf("%s, and not in that of %d other types either", c.types[0].Type, len(c.types)-1)
}

func (c *checker) env(i int) (*cel.Env, error) {
	if c.envs == nil {
		c.envs = make([]*cel.Env, len(c.types))
	}
	if c.envs[i] != nil {
		return c.envs[i], nil
	}
	registry, err := celtypes.NewRegistry()
	if err != nil {
		return nil, err
	}
	o := &objects{Provider: registry, members: map[string]map[string]*cel.Type{}, open: map[string]bool{}, made: map[*jsonschema.Schema]*cel.Type{}}
	env, err := newEnv(o.typeOf(c.types[i].Rules(), nameData), cel.CustomTypeProvider(o), cel.CustomTypeAdapter(registry))
	c.envs[i] = env
	return env, err
}
