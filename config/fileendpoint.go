package config

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/tidings-dev/tidings/dispatcher/dialect"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

type fileEndpoint struct {
	ID      schemas.EndpointID `yaml:"id"`
	Name    string             `yaml:"name"`
	URL     string             `yaml:"url"`
	Dialect schemas.Dialect    `yaml:"dialect"`
	Mode    schemas.Mode       `yaml:"mode"`
	// Handshake asks for the receiver's consent first; dialect cloudevents only.
	Handshake bool `yaml:"handshake"`
	// Secrets, newest first. Each is in the file itself, in an environment
	// variable, or in a file beside this one.
	Secrets []fileSecret `yaml:"secrets"`
	Policy  filePolicy   `yaml:"policy"`
	// Subscribe lists type patterns, or names of the dialect, and Channel the one
	// channel they are for.
	Subscribe []string `yaml:"subscribe"`
	Channel   string   `yaml:"channel"`
}

type fileSecret struct {
	Value string `yaml:"value"`
	Env   string `yaml:"env"`
	File  string `yaml:"file"`
}

type filePolicy struct {
	Timeout     string   `yaml:"timeout"`
	Retry       []string `yaml:"retry"`
	Concurrency int      `yaml:"concurrency"`
	Rate        string   `yaml:"rate"`
}

func (fe fileEndpoint) endpoint(tenant schemas.TenantID, dir string) (schemas.Endpoint, error) {
	e := schemas.Endpoint{
		ID: fe.ID, Tenant: tenant, Name: fe.Name, URL: fe.URL, Dialect: fe.Dialect, Mode: fe.Mode, Handshake: fe.Handshake,
	}
	var err error
	if e.Policy, err = fe.Policy.read(); err != nil {
		return schemas.Endpoint{}, schemas.Errorf(schemas.CodeInvalid, "endpoint %s: policy.%w", fe.ID, err)
	}
	for i, s := range fe.Secrets {
		value, err := s.resolve(dir)
		if err != nil {
			return schemas.Endpoint{}, schemas.Errorf(schemas.CodeInvalid, "endpoint %s: secrets[%d]: %w", fe.ID, i, err)
		}
		e.Secrets = append(e.Secrets, schemas.NewSecret(value))
	}
	if err := e.Validate(); err != nil {
		return schemas.Endpoint{}, err
	}
	return e, dialect.Check(e)
}

// read names the field that is wrong, which the YAML library would not.
func (p filePolicy) read() (schemas.Policy, error) {
	policy := schemas.Policy{Concurrency: p.Concurrency}
	if p.Timeout != "" {
		if err := policy.Timeout.UnmarshalText([]byte(p.Timeout)); err != nil {
			return policy, schemas.Errorf(schemas.CodeInvalid, "timeout: %w", err)
		}
	}
	if p.Retry != nil { // an empty list is one attempt only
		policy.Retry = make([]schemas.Duration, len(p.Retry))
	}
	for i, text := range p.Retry {
		if err := policy.Retry[i].UnmarshalText([]byte(text)); err != nil {
			return policy, schemas.Errorf(schemas.CodeInvalid, "retry[%d]: %w", i, err)
		}
	}
	if err := policy.Rate.UnmarshalText([]byte(p.Rate)); err != nil {
		return policy, schemas.Errorf(schemas.CodeInvalid, "rate: %w", err)
	}
	return policy, nil
}

// subscription is named after its endpoint, so that it stays the same record.
func (fe fileEndpoint) subscription(tenant schemas.TenantID, known *catalogue.Catalogue) (schemas.Subscription, error) {
	s := schemas.Subscription{
		ID:       schemas.SubscriptionID("sub_" + strings.TrimPrefix(string(fe.ID), "ep_")),
		Tenant:   tenant,
		Endpoint: fe.ID,
		Channel:  fe.Channel,
	}
	for _, text := range fe.Subscribe {
		p, err := known.Pattern(tenant, fe.Dialect, text)
		if err != nil {
			return s, err
		}
		s.Types = append(s.Types, p)
	}
	return s, nil
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
