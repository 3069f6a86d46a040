package config

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// Declarations are the records a static file declares.
type Declarations struct {
	Tenants       []schemas.Tenant
	EventTypes    []schemas.EventType
	Endpoints     []schemas.Endpoint
	Subscriptions []schemas.Subscription
}

// file is the form of tidings.yaml.
type file struct {
	// Types are folders of event types for all tenants, one file each.
	Types   []string     `yaml:"types"`
	Tenants []fileTenant `yaml:"tenants"`
}

type fileTenant struct {
	ID         schemas.TenantID   `yaml:"id"`
	Name       string             `yaml:"name"`
	Validation schemas.Validation `yaml:"validation"`
	// Types are folders of the tenant's own event types.
	Types     []string       `yaml:"types"`
	Endpoints []fileEndpoint `yaml:"endpoints"`
}

// ReadFile reads a tidings.yaml. An error names the file, the line where it is
// known, the field, and what to do. Nothing of a bad file is returned.
func ReadFile(path string) (Declarations, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return Declarations{}, schemas.Errorf(schemas.CodeInvalid, "configuration: %w", err)
	}
	var f file
	err = yaml.NewDecoder(bytes.NewReader(content), yaml.Strict()).Decode(&f)
	if err != nil && !errors.Is(err, io.EOF) { // an empty file declares nothing
		// Without the lines around: one may hold a secret.
		return Declarations{}, schemas.Errorf(schemas.CodeInvalid, "configuration %s: %s", path, yaml.FormatError(err, false, false))
	}
	d, err := f.declarations(filepath.Dir(path))
	if err != nil {
		return Declarations{}, schemas.Errorf(schemas.CodeInvalid, "configuration %s: %w", path, err)
	}
	return d, nil
}

func (f file) declarations(dir string) (Declarations, error) {
	var d Declarations
	known := catalogue.New()
	if err := d.addTypes(known, "", dir, f.Types); err != nil {
		return Declarations{}, err
	}
	for _, t := range f.Tenants {
		tenant := schemas.Tenant{ID: t.ID, Name: t.Name, Validation: t.Validation}
		if err := tenant.Validate(); err != nil {
			return Declarations{}, err
		}
		d.Tenants = append(d.Tenants, tenant)
		if err := d.addTypes(known, t.ID, dir, t.Types); err != nil {
			return Declarations{}, schemas.Errorf(schemas.CodeInvalid, "tenant %s: %w", t.ID, err)
		}
		for _, fe := range t.Endpoints {
			e, err := fe.endpoint(t.ID, dir)
			if err != nil {
				return Declarations{}, err
			}
			d.Endpoints = append(d.Endpoints, e)
			if len(fe.Subscribe) == 0 && fe.Channel == "" {
				continue
			}
			s, err := fe.subscription(t.ID, known)
			if err == nil {
				err = s.Validate()
			}
			if err != nil {
				return Declarations{}, schemas.Errorf(schemas.CodeInvalid, "endpoint %s: subscribe: %w", e.ID, err)
			}
			d.Subscriptions = append(d.Subscriptions, s)
		}
	}
	return d, d.unique()
}

// addTypes reads folders of event types, which are relative to dir, and makes
// them known.
func (d *Declarations) addTypes(known *catalogue.Catalogue, tenant schemas.TenantID, dir string, folders []string) error {
	for _, folder := range folders {
		if !filepath.IsAbs(folder) {
			folder = filepath.Join(dir, folder)
		}
		types, err := catalogue.ReadDir(os.DirFS(folder))
		if err != nil {
			return schemas.Errorf(schemas.CodeInvalid, "types %s: %w", folder, err)
		}
		for _, t := range types {
			own := schemas.EventType{Tenant: tenant, Type: t.Type, Definition: t.Definition()}
			d.EventTypes = append(d.EventTypes, own)
			known.Apply(schemas.Change{EventType: &own})
		}
	}
	return nil
}

// unique refuses what is declared twice: the later would silently win.
func (d Declarations) unique() error {
	seen := map[string]bool{}
	again := func(id string) error {
		if seen[id] {
			return schemas.Errorf(schemas.CodeInvalid, "id %q is declared twice: ids of tenants, and of endpoints over all tenants, are unique", id)
		}
		seen[id] = true
		return nil
	}
	for _, t := range d.Tenants {
		if err := again(string(t.ID)); err != nil {
			return err
		}
	}
	for _, e := range d.Endpoints {
		if err := again(string(e.ID)); err != nil {
			return err
		}
	}
	if err := d.uniqueTypes(); err != nil {
		return err
	}
	return d.onlyROQ()
}

// uniqueTypes refuses two definitions of a type for the same tenant. One for all
// tenants beside a tenant's own is fine: the own one counts.
func (d Declarations) uniqueTypes() error {
	type key struct {
		tenant    schemas.TenantID
		eventType string
	}
	seen := map[key]bool{}
	for _, t := range d.EventTypes {
		k := key{t.Tenant, t.Type}
		whose := "all tenants"
		if t.Tenant != "" {
			whose = "tenant " + string(t.Tenant)
		}
		if seen[k] {
			return schemas.Errorf(schemas.CodeInvalid, "event type %q is defined twice for %s: remove it from one of the folders in types", t.Type, whose)
		}
		seen[k] = true
	}
	return nil
}

// onlyROQ refuses a tenant's second ROQ endpoint, which the registry would.
func (d Declarations) onlyROQ() error {
	first := map[schemas.TenantID]schemas.EndpointID{}
	for _, e := range d.Endpoints {
		if e.Dialect != schemas.DialectROQ {
			continue
		}
		if other, ok := first[e.Tenant]; ok {
			return schemas.Errorf(schemas.CodeInvalid, "endpoint %s: tenant %s has the ROQ endpoint %s, and ROQ's environments have one URL: leave one of them out, or use another dialect", e.ID, e.Tenant, other)
		}
		first[e.Tenant] = e.ID
	}
	return nil
}
