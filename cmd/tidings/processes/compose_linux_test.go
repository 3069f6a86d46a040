package processes

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// composeFile is what deploy/compose/compose.yaml says of processes.
type composeFile struct {
	Services map[string]composeService `yaml:"services"`
}

type composeService struct {
	Image       string            `yaml:"image"`
	Entrypoint  []string          `yaml:"entrypoint"`
	Command     []string          `yaml:"command"`
	Environment map[string]string `yaml:"environment"`
	Volumes     []string          `yaml:"volumes"`
	Healthcheck struct {
		Test []string `yaml:"test"`
	} `yaml:"healthcheck"`
	Deploy struct {
		Replicas int `yaml:"replicas"`
	} `yaml:"deploy"`
}

// composed is the fleet of a compose file, as processes: each container has a loopback
// address of its own, and its volumes are folders.
type composed struct {
	t        *testing.T
	services map[string]composeService
	built    programs
	dir      string            // of the volumes
	hosts    map[string]string // the addresses of the containers
	running  map[string]*process
	image    map[string]string // the environment of tidings' image
}

func newComposed(t *testing.T) *composed {
	t.Helper()
	text, err := os.ReadFile("../../../deploy/compose/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file composeFile
	// What a service says beside what it merges is no duplicate, but is taken for one.
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.AllowDuplicateMapKey()); err != nil {
		t.Fatal(err)
	}
	c := &composed{
		t: t, services: file.Services, built: build(t, "tidings", "nats-server"), dir: t.TempDir(),
		hosts: map[string]string{}, running: map[string]*process{}, image: map[string]string{},
	}
	dockerfile, err := os.ReadFile("../../../deploy/docker/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range regexp.MustCompile(`(TIDINGS_[A-Z_]+)=(\S+)`).FindAllStringSubmatch(string(dockerfile), -1) {
		c.image[set[1]] = set[2]
	}
	network := fmt.Sprintf("127.%d.%d", 1+rand.IntN(254), rand.IntN(256))
	for _, name := range slices.Sorted(maps.Keys(file.Services)) {
		for _, container := range c.containers(name) {
			c.hosts[container] = fmt.Sprintf("%s.%d", network, 1+len(c.hosts))
		}
	}
	return c
}

// containers are the names of those of a service.
func (c *composed) containers(service string) []string {
	n := c.services[service].Deploy.Replicas
	if n == 0 {
		return []string{service}
	}
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("%s-%d", service, i+1))
	}
	return names
}

// make makes the process of a container, which does not run yet: what compose would
// run, with the container's paths and names put into those of this machine.
func (c *composed) make(service, container string) *process {
	c.t.Helper()
	s := c.services[service]
	inside := c.inside(s, container)
	args := append(slices.Clone(s.Entrypoint), s.Command...)
	environment := maps.Clone(s.Environment)
	switch {
	case s.Image == "tidings":
		args = append([]string{c.built["tidings"]}, args...)
		environment = maps.Clone(c.image)
		maps.Copy(environment, s.Environment)
	case strings.HasPrefix(s.Image, "nats:"):
		args[len(args)-1] += fmt.Sprintf(" -a %s -m %s --cluster nats://%s:6222", c.hosts[container], portOf(freeAddress(c.t)), c.hosts[container])
	default:
		c.t.Fatalf("%s: no program stands for the image %s", service, s.Image)
	}
	for i, a := range args {
		args[i] = strings.Replace(inside.Replace(a), "exec nats-server", "exec "+c.built["nats-server"], 1)
	}
	p := newProcess(c.t, container, args...)
	p.env = nil
	for name, value := range environment {
		p.env = append(p.env, name+"="+inside.Replace(value))
	}
	c.running[container] = p
	return p
}

// inside puts what a container sees into what is on this machine.
func (c *composed) inside(s composeService, container string) *strings.Replacer {
	c.t.Helper()
	pairs := []string{"0.0.0.0", c.hosts[container], "${TIDINGS_EGRESS_ALLOW:-}", "127.0.0.0/8"}
	for _, volume := range s.Volumes {
		parts := strings.Split(volume, ":")
		path := filepath.Join(c.dir, parts[0])
		if strings.HasPrefix(parts[0], ".") {
			path = filepath.Join("../../../deploy/compose", parts[0])
		} else if err := os.MkdirAll(path, 0o700); err != nil {
			c.t.Fatal(err)
		}
		absolute, err := filepath.Abs(path)
		if err != nil {
			c.t.Fatal(err)
		}
		pairs = append(pairs, parts[1], absolute)
	}
	for host, address := range c.hosts {
		pairs = append(pairs, "//"+host+":", "//"+address+":")
	}
	servers := "nats-0,nats-1,nats-2"
	pairs = append(pairs, servers, c.hosts["nats-0"]+","+c.hosts["nats-1"]+","+c.hosts["nats-2"])
	return strings.NewReplacer(append(pairs, "/data", filepath.Join(c.t.TempDir(), "data"))...)
}

func portOf(address string) string { return address[strings.LastIndex(address, ":")+1:] }

// start runs the whole fleet in the file's order: keys, NATS, roles.
func (c *composed) start() {
	c.t.Helper()
	p := c.make("keys", "keys")
	p.start()
	if <-p.life.ended; p.life.code != 0 {
		c.t.Fatalf("keys: exit code %d:\n%s", p.life.code, p.said())
	}
	nats := []string{"nats-0", "nats-1", "nats-2"}
	for _, name := range nats {
		c.make(name, name).start()
	}
	for _, name := range nats {
		c.running[name].says("Server is ready")
	}
	for _, service := range []string{"api", "fanout", "dispatcher"} {
		for _, container := range c.containers(service) {
			c.make(service, container).start()
		}
	}
	c.allReady()
}

// allReady waits until all roles are: what was killed may start for as long as the NATS
// servers elect their leaders.
func (c *composed) allReady() {
	c.t.Helper()
	for _, service := range []string{"api", "fanout", "dispatcher"} {
		for _, container := range c.containers(service) {
			c.running[container].says(`"msg":"running"`)
			c.ready(service, container)
		}
	}
}

// ready asks as the container's health check does, until it is.
func (c *composed) ready(service, container string) {
	c.t.Helper()
	test := c.services[service].Healthcheck.Test
	if len(test) < 3 || test[0] != "CMD" || test[1] != "/tidings" {
		c.t.Fatalf("%s: the health check is %q", service, test)
	}
	deadline := time.Now().Add(waitLimit)
	for {
		p := newProcess(c.t, container+"'s health check", append([]string{c.built["tidings"]}, test[2:]...)...)
		p.env = c.running[container].env
		p.start()
		if <-p.life.ended; p.life.code == 0 {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("%s is not ready after %s: %s", container, waitLimit, p.said())
		}
	}
}

// TestCompose runs what deploy/compose describes, as processes: three NATS servers with
// TLS and the users of deploy/nats, the API, two fanouts and three dispatchers, with the
// keys that its first container makes. One of each is killed while events flow.
func TestCompose(t *testing.T) {
	c := newComposed(t)
	c.start()
	r := startReceiver(t, nil)
	token, err := os.ReadFile(filepath.Join(c.dir, "keys", "admin.token"))
	if err != nil {
		t.Fatal(err)
	}
	admin := caller{t, "http://" + c.hosts["api"] + ":8080", strings.TrimSpace(string(token))}
	admin.call(http.MethodPost, "/v1/tenants", fields{"id": "shop", "name": "Shop"}, http.StatusCreated)
	e := admin.call(http.MethodPost, "/v1/tenants/shop/endpoints", fields{"name": "all", "url": "http://" + r.addr + "/ep"}, http.StatusCreated)
	admin.call(http.MethodPost, "/v1/tenants/shop/subscriptions", fields{"endpoint": e["id"], "types": []string{"order.*"}}, http.StatusCreated)

	const events = 300
	for i := range events {
		for _, name := range map[int][]string{events / 3: {"nats-1"}, events / 2: {"fanout-1", "dispatcher-2"}}[i] {
			c.running[name].kill()
			c.running[name].start()
		}
		c.accepted(admin, fmt.Sprintf("e%d", i))
	}
	for i := range events {
		r.await(fmt.Sprintf("e%d", i))
	}
	c.allReady()
	for _, container := range slices.Concat([]string{"api"}, c.containers("fanout"), c.containers("dispatcher")) {
		if m := getMetrics(t, c.hosts[container]+":9464"); m.kinds["tidings_broker_connected"] == "" {
			t.Errorf("%s has no metrics for Prometheus: %v", container, m.kinds)
		}
	}
	for _, container := range slices.Concat(c.containers("dispatcher"), c.containers("fanout"), []string{"api"}) {
		if code := c.running[container].terminate(); code != 0 {
			t.Errorf("%s ended with exit code %d", container, code)
		}
	}
}

// accepted publishes an event until it is accepted: a NATS server may just be gone.
func (c *composed) accepted(admin caller, id string) {
	c.t.Helper()
	event := fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/shop","type":"order.paid","data":{"id":%[1]q}}`, id)
	deadline := time.Now().Add(waitLimit)
	for {
		status, answer := admin.send(http.MethodPost, "/v1/tenants/shop/events", event)
		switch {
		case status == http.StatusAccepted:
			return
		case (status < 500 && status != http.StatusTooManyRequests) || time.Now().After(deadline):
			c.t.Fatalf("%s: %d %v", id, status, answer)
		}
	}
}
