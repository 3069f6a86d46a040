package config

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

// Declarations are the records a static file declares.
type Declarations struct {
	Tenants       []schemas.Tenant
	Endpoints     []schemas.Endpoint
	Subscriptions []schemas.Subscription
}

// file is the form of tidings.yaml.
type file struct {
	Tenants []fileTenant `yaml:"tenants"`
}

type fileTenant struct {
	ID        schemas.TenantID `yaml:"id"`
	Name      string           `yaml:"name"`
	Endpoints []fileEndpoint   `yaml:"endpoints"`
}

type fileEndpoint struct {
	ID      schemas.EndpointID `yaml:"id"`
	Name    string             `yaml:"name"`
	URL     string             `yaml:"url"`
	Dialect string             `yaml:"dialect"`
	// Secrets, newest first. Each is in the file itself, in an environment
	// variable, or in a file beside this one.
	Secrets []fileSecret `yaml:"secrets"`
	Policy  filePolicy   `yaml:"policy"`
	// Subscribe lists type patterns.
	Subscribe []schemas.TypePattern `yaml:"subscribe"`
}

type fileSecret struct {
	Value string `yaml:"value"`
	Env   string `yaml:"env"`
	File  string `yaml:"file"`
}

type filePolicy struct {
	Timeout     schemas.Duration   `yaml:"timeout"`
	Retry       []schemas.Duration `yaml:"retry"`
	Concurrency int                `yaml:"concurrency"`
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
	for _, t := range f.Tenants {
		tenant := schemas.Tenant{ID: t.ID, Name: t.Name}
		if err := tenant.Validate(); err != nil {
			return Declarations{}, err
		}
		d.Tenants = append(d.Tenants, tenant)
		for _, fe := range t.Endpoints {
			e, err := fe.endpoint(t.ID, dir)
			if err != nil {
				return Declarations{}, err
			}
			d.Endpoints = append(d.Endpoints, e)
			if len(fe.Subscribe) == 0 {
				continue
			}
			s := fe.subscription(t.ID)
			if err := s.Validate(); err != nil {
				return Declarations{}, schemas.Errorf(schemas.CodeInvalid, "endpoint %s: subscribe: %w", e.ID, err)
			}
			d.Subscriptions = append(d.Subscriptions, s)
		}
	}
	return d, d.unique()
}

func (fe fileEndpoint) endpoint(tenant schemas.TenantID, dir string) (schemas.Endpoint, error) {
	e := schemas.Endpoint{
		ID: fe.ID, Tenant: tenant, Name: fe.Name, URL: fe.URL, Dialect: fe.Dialect,
		Policy: schemas.Policy{Timeout: fe.Policy.Timeout, Retry: fe.Policy.Retry, Concurrency: fe.Policy.Concurrency},
	}
	for i, s := range fe.Secrets {
		value, err := s.resolve(dir)
		if err == nil {
			_, err = signing.ParseKey(value)
		}
		if err != nil {
			return schemas.Endpoint{}, schemas.Errorf(schemas.CodeInvalid, "endpoint %s: secrets[%d]: %w", fe.ID, i, err)
		}
		e.Secrets = append(e.Secrets, schemas.NewSecret(value))
	}
	return e, e.Validate()
}

// subscription is named after its endpoint, so that it stays the same record.
func (fe fileEndpoint) subscription(tenant schemas.TenantID) schemas.Subscription {
	return schemas.Subscription{
		ID:       schemas.SubscriptionID("sub_" + strings.TrimPrefix(string(fe.ID), "ep_")),
		Tenant:   tenant,
		Endpoint: fe.ID,
		Types:    fe.Subscribe,
	}
}

func (s fileSecret) resolve(dir string) (string, error) {
	switch {
	case s.Value != "" && s.Env == "" && s.File == "":
		return s.Value, nil
	case s.Env != "" && s.Value == "" && s.File == "":
		value, ok := os.LookupEnv(s.Env)
		if !ok {
			return "", schemas.Errorf(schemas.CodeInvalid, "environment variable %s is not set", s.Env)
		}
		return value, nil
	case s.File != "" && s.Value == "" && s.Env == "":
		path := s.File
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		value, err := os.ReadFile(path)
		return strings.TrimSpace(string(value)), err
	}
	return "", schemas.Errorf(schemas.CodeInvalid, "give one of value, env and file")
}

// unique refuses an id that is declared twice: the later would silently win.
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
	return nil
}
