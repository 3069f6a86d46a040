package broker

import (
	"net/url"
	"strings"
)

// redact takes the credentials out of a list of server URLs.
func redact(urls string) string {
	var b strings.Builder
	for i, raw := range strings.Split(urls, ",") {
		if i > 0 {
			b.WriteByte(',')
		}
		u, err := url.Parse(strings.TrimSpace(raw))
		if err != nil {
			b.WriteString("<unreadable url>")
			continue
		}
		u.User = nil
		b.WriteString(u.String())
	}
	return b.String()
}
