package config

import (
	"github.com/spf13/pflag"

	"github.com/tidings-dev/tidings/schemas"
)

// bindQuota makes the default quota of tenants flags of a command.
func (s *Settings) bindQuota(f *pflag.FlagSet) {
	f.TextVar(&s.Quota.Events, "quota-events", schemas.Rate{}, "events that a tenant may publish over HTTP, like 1000/s, if its own quota does not say; no limit by default")
	f.Int64Var(&s.Quota.StoredBytes, "quota-stored-bytes", 0, "bytes that a tenant's events may take, if its own quota does not say; 0 for no limit")
	f.IntVar(&s.Quota.Endpoints, "quota-endpoints", 0, "endpoints that a tenant may have, if its own quota does not say; 0 for no limit")
	f.IntVar(&s.Quota.Held, "quota-held", 0, "deliveries that may wait for a tenant's troubled endpoints before it may publish no more over HTTP, if its own quota does not say; 0 for no limit")
}
