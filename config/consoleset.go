package config

import (
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tidings-dev/tidings/schemas"
)

// Console is how the role api shows its web pages.
type Console struct {
	On     bool
	Name   string // empty for Tidings
	Logo   string // URL of an image; empty for Tidings' own
	Accent string // a colour like "#635bff"; empty for Tidings' own
	// FrameAncestors are the pages that may show the console in a frame, as
	// Content-Security-Policy writes them; empty for none.
	FrameAncestors string
}

func (c *Console) bind(f *pflag.FlagSet) {
	f.BoolVar(&c.On, "console", true, "serve the console, web pages for people, at / of --http-addr; needs the role api")
	f.StringVar(&c.Name, "console-name", "", "what the console calls itself; empty for Tidings")
	f.StringVar(&c.Logo, "console-logo", "", "image that the console shows beside its name: an https URL, data:image/… or a path of this server; empty for Tidings' own")
	f.StringVar(&c.Accent, "console-accent", "", "colour of the console's buttons and links, like #635bff; empty for Tidings' own")
	f.StringVar(&c.FrameAncestors, "console-frame-ancestors", "", "pages that may show the console in a frame, as Content-Security-Policy writes them, like \"https://app.example.com\"; empty for none")
}

var (
	colour   = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)
	image    = regexp.MustCompile(`^(https://|data:image/|/[^/\\])[^\s"'<>]*$`)
	ancestor = regexp.MustCompile(`^('none'|'self'|https?:(//[A-Za-z0-9.*-]+(:[0-9]+|:\*)?)?)$`)
)

func (c *Console) validate() error {
	switch {
	case len(c.Name) > 100:
		return schemas.Errorf(schemas.CodeInvalid, "--console-name has %d bytes: use at most 100", len(c.Name))
	case c.Logo != "" && !image.MatchString(c.Logo):
		return schemas.Errorf(schemas.CodeInvalid, "--console-logo %q: use an https URL, data:image/… or a path like /logo.svg", c.Logo)
	case c.Accent != "" && !colour.MatchString(c.Accent):
		return schemas.Errorf(schemas.CodeInvalid, "--console-accent %q: use a colour like #635bff", c.Accent)
	}
	for word := range strings.FieldsSeq(c.FrameAncestors) {
		if !ancestor.MatchString(word) {
			return schemas.Errorf(schemas.CodeInvalid, "--console-frame-ancestors: %q: use 'self' or origins like https://app.example.com, with spaces between them", word)
		}
	}
	return nil
}
