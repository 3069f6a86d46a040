package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/usage"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

// verifyOptions are a request, and what it is judged by.
type verifyOptions struct {
	dialect             string
	secrets, secretEnvs []string
	tolerance           time.Duration
	at                  string
	request             string
	headers             []string
}

func verifyCommand() *cobra.Command {
	var o verifyOptions
	c := &cobra.Command{
		Use:   "verify",
		Short: "Tell whether a request that was received is in order, and if not, why",
		Long: `Tell whether a request that was received is in order, and if not, why.

The body is read from standard input and must be byte for byte what was
received; the headers are flags. Or --request has both, as they were captured:
the headers, an empty line, the body; the request line before them may be there.
Requests of roq and oneroute carry no timestamp: nothing tells one from its
replay.`,
		Example: `  tidings verify --secret-env BILLING_SECRET --header 'webhook-id: dlv_1' \
    --header 'webhook-timestamp: 1736071200' --header 'webhook-signature: v1,…' < body.json
  tidings verify --dialect relaybox --secret-env KEY --request captured.http --at 2025-01-05T10:00:02Z`,
		Args: usage.NoArguments(),
		RunE: func(c *cobra.Command, _ []string) error { return o.verify(c) },
	}
	f := c.Flags()
	f.StringVar(&o.dialect, "dialect", string(schemas.DialectStandard), "how the sender proves it: standard, cloudevents, roq, oneroute, roam or relaybox")
	f.StringArrayVar(&o.secrets, "secret", nil, "the endpoint's secret, or an ed25519 public key; several while it is rotated")
	f.StringArrayVar(&o.secretEnvs, "secret-env", nil, "environment variable that holds a secret, which others could read on the command line")
	f.StringArrayVar(&o.headers, "header", nil, "a header of the request, like 'webhook-id: dlv_1'; repeat it for each")
	f.StringVar(&o.request, "request", "", "file of the whole request, or - for standard input")
	f.DurationVar(&o.tolerance, "tolerance", 0, "how far the request's time may lie from the clock (default 5m, for relaybox 1m)")
	f.StringVar(&o.at, "at", "", "what the clock reads, like 2025-01-05T10:00:00Z (default now)")
	return c
}

func (o verifyOptions) verify(c *cobra.Command) error {
	now := time.Now()
	if o.at != "" {
		var err error
		if now, err = time.Parse(time.RFC3339, o.at); err != nil {
			return schemas.Errorf(schemas.CodeInvalid, "--at %q: write it like 2025-01-05T10:00:00Z", o.at)
		}
	}
	if o.tolerance < 0 {
		return schemas.Errorf(schemas.CodeInvalid, "--tolerance %s: use a time that is not negative", o.tolerance)
	}
	secrets, err := o.allSecrets()
	if err != nil {
		return err
	}
	verifier, err := signing.NewVerifier(schemas.Dialect(o.dialect), secrets...)
	if errors.Is(err, signing.ErrNoKey) {
		return schemas.Errorf(schemas.CodeInvalid, "%w with --secret-env or --secret", err)
	}
	if err != nil {
		return err
	}
	verifier.Tolerance = o.tolerance
	header, body, err := o.read(c.InOrStdin())
	if err != nil {
		return err
	}
	if err := verifier.Verify(header, body, now); err != nil {
		return usage.Failed(err)
	}
	if schemas.Dialect(o.dialect) == schemas.DialectROQ {
		c.Println("verified: dialect roq, the key is right; it proves nothing of the body")
		return nil
	}
	c.Printf("verified: dialect %s, body of %d bytes\n", o.dialect, len(body))
	return nil
}

func (o verifyOptions) allSecrets() ([]string, error) {
	secrets := o.secrets
	for _, name := range o.secretEnvs {
		secret, ok := os.LookupEnv(name) //nolint:forbidigo // the operator names the variable
		if !ok {
			return nil, schemas.Errorf(schemas.CodeInvalid, "--secret-env: environment variable %s is not set", name)
		}
		secrets = append(secrets, secret)
	}
	return secrets, nil
}

// read takes the request from its flags and standard input, or as it was
// captured.
func (o verifyOptions) read(in io.Reader) (http.Header, []byte, error) {
	if o.request == "" {
		header, err := readHeader(strings.Join(o.headers, "\n") + "\n\n")
		if err != nil {
			return nil, nil, schemas.Errorf(schemas.CodeInvalid, "--header: write each like 'webhook-id: dlv_1'")
		}
		body, err := io.ReadAll(in)
		return header, body, err
	}
	if len(o.headers) > 0 {
		return nil, nil, schemas.Errorf(schemas.CodeInvalid, "--request has the headers: leave --header out")
	}
	var captured []byte
	var err error
	if o.request == "-" {
		captured, err = io.ReadAll(in)
	} else {
		captured, err = os.ReadFile(o.request)
	}
	if err != nil {
		return nil, nil, schemas.Errorf(schemas.CodeInvalid, "--request: %w", err)
	}
	return readRequest(captured)
}

func readHeader(text string) (http.Header, error) {
	header, err := textproto.NewReader(bufio.NewReader(strings.NewReader(text))).ReadMIMEHeader()
	return http.Header(header), err
}

// readRequest takes a captured request apart. Lines may end with or without CR.
func readRequest(captured []byte) (http.Header, []byte, error) {
	if line, rest, ok := bytes.Cut(captured, []byte("\n")); ok && isRequestLine(string(line)) {
		captured = rest
	}
	end, body := -1, []byte(nil)
	for _, empty := range []string{"\r\n\r\n", "\n\n"} {
		if i := bytes.Index(captured, []byte(empty)); i >= 0 && (end < 0 || i < end) {
			end, body = i, captured[i+len(empty):]
		}
	}
	if end < 0 {
		return nil, nil, schemas.Errorf(schemas.CodeInvalid, "--request: there is no empty line between headers and body")
	}
	header, err := readHeader(string(captured[:end]) + "\n\n")
	if err != nil {
		return nil, nil, schemas.Errorf(schemas.CodeInvalid, "--request: its headers are not lines like 'webhook-id: dlv_1'")
	}
	body, err = decodeBody(header, body)
	return header, body, err
}

// isRequestLine knows "POST /hooks HTTP/1.1".
func isRequestLine(line string) bool {
	words := strings.Fields(line)
	return len(words) == 3 && strings.HasPrefix(words[2], "HTTP/")
}

// decodeBody is what the receiver's program read, from what came on the wire.
func decodeBody(header http.Header, body []byte) ([]byte, error) {
	if strings.EqualFold(header.Get("Transfer-Encoding"), "chunked") {
		whole, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(body)))
		if err != nil {
			return nil, schemas.Errorf(schemas.CodeInvalid, "--request: its body is not in chunks, as Transfer-Encoding says: remove that header if the body is whole")
		}
		return whole, nil
	}
	length, err := strconv.Atoi(header.Get("Content-Length"))
	switch {
	case err != nil || length < 0: // absent, as a rule
		return body, nil
	case len(body) < length:
		return nil, schemas.Errorf(schemas.CodeInvalid, "--request: its body has %d bytes and Content-Length says %d: it is not as it was received", len(body), length)
	}
	return body[:length], nil
}
