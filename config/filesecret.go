package config

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/tidings-dev/tidings/schemas"
)

// someSecret stands in for one that is missing: every dialect takes it.
var someSecret = "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 32))

// secret reads a signing secret or the value of a header.
func (r *reading) secret(p place) schemas.Secret {
	names := []string{"value", "env", "file", "expires"}
	if p.recordOf(names, false) {
		return schemas.NewSecret(r.reveal(p, names[:3])).Until(p.member("expires").moment())
	}
	p.lacks(strings.Join(names[:3], " or "))
	return schemas.NewSecret(someSecret)
}

// reveal is the secret that one of the ways gives: in the file itself, in an
// environment variable, or in a file beside this one, without the space around
// it. A secret that cannot be had is refused, and another returned, so that it
// is not refused again.
func (r *reading) reveal(p place, ways []string) string {
	var given []place
	var way string
	for _, name := range ways {
		if m := p.member(name); m.given() {
			given, way = append(given, m), name
		}
	}
	if len(given) != 1 {
		p.refuse("has %d of %s: give exactly one", len(given), strings.Join(ways, ", "))
		return someSecret
	}
	name := given[0].text()
	var secret string
	var err error
	switch way {
	case "env":
		var ok bool
		if secret, ok = os.LookupEnv(name); !ok {
			err = errNotSet
		}
		name = "environment variable " + name
	case "file":
		var content []byte
		content, err = readFileUpTo(r.path(name), maxSecretFile)
		secret, name = strings.TrimSpace(string(content)), "file "+r.path(name)
	default:
		secret, name = name, ""
	}
	r.src.secrets[p.field] = name
	switch {
	case r.src.lenient && (errors.Is(err, errNotSet) || errors.Is(err, fs.ErrNotExist)):
		return someSecret
	case err != nil:
		p.refuse("%s", subject(name, cause(err)))
		return someSecret
	}
	return secret
}

var errNotSet = errors.New("is not set")
