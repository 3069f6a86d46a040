package config

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// TestConsoleSettings takes what can stand in a page and a header, and refuses what
// would mean something else there.
func TestConsoleSettings(t *testing.T) {
	for args, wrong := range map[string]string{
		"--console=false":                                                      "",
		"--console-accent=#635bff":                                             "",
		"--console-accent=red":                                                 "--console-accent",
		"--console-accent=#635bff;x":                                           "--console-accent",
		"--console-logo=https://example.com/a.svg":                             "",
		"--console-logo=data:image/png;base64,AA==":                            "",
		"--console-logo=/logo.svg":                                             "",
		"--console-logo=//elsewhere.example/a.svg":                             "--console-logo",
		"--console-logo=http://example.com/a.svg":                              "--console-logo",
		"--console-logo=javascript:alert(1)":                                   "--console-logo",
		"--console-frame-ancestors='self'":                                     "",
		"--console-frame-ancestors=https://a.example https://*.b.example:8443": "",
		"--console-frame-ancestors=https:":                                     "",
		"--console-frame-ancestors='self'; script-src *":                       "--console-frame-ancestors",
		"--console-frame-ancestors=https://a.example/\r\nX":                    "--console-frame-ancestors",
		"--console-name=" + strings.Repeat("x", 101):                           "--console-name",
	} {
		var s Settings
		f := pflag.NewFlagSet("run", pflag.ContinueOnError)
		s.Bind(f)
		if err := f.Parse([]string{args}); err != nil {
			t.Fatal(err)
		}
		err := s.Validate()
		if wrong == "" && err != nil || wrong != "" && (err == nil || !strings.HasPrefix(err.Error(), wrong)) {
			t.Errorf("%q: %v, want %q", args, err, wrong)
		}
	}
	var s Settings
	s.Bind(pflag.NewFlagSet("run", pflag.ContinueOnError))
	if !s.Console.On {
		t.Error("the console is off by default")
	}
}
