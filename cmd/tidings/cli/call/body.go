package call

import (
	"maps"

	"github.com/spf13/pflag"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/setting"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

// Body is what is sent to make or change something: the object of a file, then
// flags, then --set, of which the last wins.
type Body struct {
	from string
	sets []string
}

// Bind makes the flags: a file, and members.
func (b *Body) Bind(f *pflag.FlagSet) {
	f.StringVar(&b.from, "from", "", "file of the JSON object that the API takes, or - for the standard input; flags add to it")
	f.StringArrayVar(&b.sets, "set", nil, "a member, like policy.rate=10/s: the value is JSON, else text")
}

// Object is the whole of it; members are what flags said.
func (b *Body) Object(s *Session, members map[string]any) (map[string]any, error) {
	all := map[string]any{}
	if b.from != "" {
		content, err := s.Read(b.from)
		if err != nil {
			return nil, err
		}
		if err := setting.Decode(content, &all); err != nil || all == nil {
			return nil, usage.Errorf("--from %s: is no JSON object", b.from)
		}
	}
	maps.Copy(all, members)
	for _, set := range b.sets {
		if _, _, err := setting.In(all, set); err != nil {
			return nil, err
		}
	}
	return all, nil
}
