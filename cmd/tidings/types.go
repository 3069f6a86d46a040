package main

import (
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/near"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// typesCommand shows the catalogue that is built in. Below it are commands that ask
// a server for the types of a tenant.
func typesCommand(below ...*cobra.Command) *cobra.Command {
	var folders []string
	c := &cobra.Command{
		Use:   "types [TYPE]",
		Short: "List the event types, or show one: its schema, examples and names",
		Long: `List the event types of the catalogue, or show one, by its type or a name it
has in a dialect, as its file has it.

With --types the types of a folder are there too, after each file has been
checked: its form, its schema, and that its examples are what they say.

This asks no server. What a tenant there has is told by list and get, and changed by
put and delete.`,
		Args: usage.Arguments(0, 1, "a type or none"),
		RunE: func(c *cobra.Command, args []string) error {
			types, err := allTypes(folders)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return listTypes(c, types)
			}
			return showType(c, types, args[0])
		},
	}
	c.Flags().StringArrayVar(&folders, "types", nil, "folder of event types of your own, one file each")
	c.AddCommand(below...)
	return c
}

// allTypes are the built-in types and those of the folders, which win.
func allTypes(folders []string) ([]*catalogue.Type, error) {
	types := catalogue.Builtin()
	for _, folder := range folders {
		own, err := readTypes(folder)
		if err != nil {
			return nil, err
		}
		types = slices.DeleteFunc(slices.Clone(types), func(t *catalogue.Type) bool {
			return slices.ContainsFunc(own, func(o *catalogue.Type) bool { return o.Type == t.Type })
		})
		types = append(types, own...)
	}
	slices.SortFunc(types, func(a, b *catalogue.Type) int { return strings.Compare(a.Type, b.Type) })
	return types, nil
}

func readTypes(folder string) ([]*catalogue.Type, error) {
	types, err := catalogue.ReadDir(os.DirFS(folder))
	if err != nil {
		return nil, schemas.Errorf(schemas.CodeInvalid, "--types %s: %w", folder, err)
	}
	return types, nil
}

// ownTypes is the catalogue with a tenant's types of the folders, and the names of
// these.
func ownTypes(tenant schemas.TenantID, folders []string) (c *catalogue.Catalogue, names []string, err error) {
	c = catalogue.New()
	for _, folder := range folders {
		types, err := readTypes(folder)
		if err != nil {
			return nil, nil, err
		}
		for _, t := range types {
			names = append(names, t.Type)
			c.Apply(schemas.Change{EventType: &schemas.EventType{Tenant: tenant, Type: t.Type, Definition: t.Definition()}})
		}
	}
	return c, names, nil
}

func listTypes(c *cobra.Command, types []*catalogue.Type) error {
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	_, _ = w.Write([]byte("TYPE\tDOMAIN\tNAMES\tMEANING\n"))
	for _, t := range types {
		var names []string
		for _, d := range schemas.Dialects() {
			if words, ok := t.Dialects[d]; ok {
				names = append(names, string(d)+" "+words.Name)
			}
		}
		_, _ = w.Write([]byte(t.Type + "\t" + t.Domain + "\t" + strings.Join(names, ", ") + "\t" + t.Meaning + "\n"))
	}
	return w.Flush()
}

func showType(c *cobra.Command, types []*catalogue.Type, name string) error {
	for _, t := range types {
		if t.Type == name || slices.ContainsFunc(schemas.Dialects(), func(d schemas.Dialect) bool { return t.Dialects[d].Name == name }) {
			return show.JSON(c.OutOrStdout(), t)
		}
	}
	all := make([]string, len(types))
	for i, t := range types {
		all[i] = t.Type
	}
	if meant, ok := near.Word(name, all); ok {
		return schemas.Errorf(schemas.CodeNotFound, "event type %q is not in the catalogue: did you mean %s?", name, meant)
	}
	return schemas.Errorf(schemas.CodeNotFound, "event type %q is not in the catalogue: see tidings types", name)
}
