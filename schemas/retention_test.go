package schemas_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

func TestRetentionValidate(t *testing.T) {
	for want, r := range map[string]schemas.Retention{
		"":                         {Events: schemas.Duration(time.Hour), Log: schemas.Duration(720 * time.Hour)},
		"retention.events is 59m":  {Events: schemas.Duration(59 * time.Minute)},
		"retention.log is -1h0m0s": {Log: schemas.Duration(-time.Hour)},
	} {
		err := schemas.Tenant{ID: "acme", Retention: r}.Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", r, err, want)
		}
	}
}

func TestShorter(t *testing.T) {
	for _, row := range [][3]time.Duration{{0, 0, 0}, {0, 5, 5}, {5, 0, 5}, {5, 3, 3}, {3, 5, 3}} {
		if got := schemas.Shorter(row[0], row[1]); got != row[2] {
			t.Errorf("of %d and %d: %d", row[0], row[1], got)
		}
	}
}
