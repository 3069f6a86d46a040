package manifests

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	keda "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	prometheus "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// kinds are those that the chart may render, by the types that their owners publish.
var kinds = map[string]func() any{
	"apps/v1 Deployment":                      func() any { return &apps.Deployment{} },
	"v1 Service":                              func() any { return &core.Service{} },
	"v1 ServiceAccount":                       func() any { return &core.ServiceAccount{} },
	"v1 ConfigMap":                            func() any { return &core.ConfigMap{} },
	"policy/v1 PodDisruptionBudget":           func() any { return &policy.PodDisruptionBudget{} },
	"networking.k8s.io/v1 NetworkPolicy":      func() any { return &networking.NetworkPolicy{} },
	"networking.k8s.io/v1 Ingress":            func() any { return &networking.Ingress{} },
	"keda.sh/v1alpha1 ScaledObject":           func() any { return &keda.ScaledObject{} },
	"monitoring.coreos.com/v1 PodMonitor":     func() any { return &prometheus.PodMonitor{} },
	"monitoring.coreos.com/v1 PrometheusRule": func() any { return &prometheus.PrometheusRule{} },
}

// everything turns on all that the chart can do.
const everything = `
natsURL: tls://nats-0:4222
config: "tenants: []"
env: {TIDINGS_TRACE_TRUST: nobody}
api: {logDatabaseSecret: log, ingress: {enabled: true, host: hooks.example.com, tlsSecret: tls, className: nginx, annotations: {a: b}}}
fanout: {autoscaling: {enabled: true}}
dispatcher: {egressAllow: [10.20.0.0/16], grace: 1m40s, autoscaling: {enabled: true}}
networkPolicy: {apiFrom: [{podSelector: {matchLabels: {app: proxy}}}], metricsFrom: [{namespaceSelector: {}}], extraEgress: [{ports: [{port: 4318}]}]}
monitoring: {podMonitor: true, rules: true, dashboard: true, otlpEndpoint: "http://collector:4318"}
nodeSelector: {disk: ssd}
tolerations: [{key: a, operator: Exists}]
podAnnotations: {a: b}
imagePullSecrets: [{name: pull}]
`

// rendered are the objects of the chart with values, by kind and name. Each is read
// strictly: a field that its type does not have is an error.
func rendered(t *testing.T, values string) map[string]any {
	t.Helper()
	files, err := render(t, values)
	if err != nil {
		t.Fatal(err)
	}
	objects := map[string]any{}
	for name, text := range files {
		if filepath.Ext(name) != ".yaml" {
			continue
		}
		for _, document := range regexp.MustCompile(`(?m)^---$`).Split(text, -1) {
			if strings.TrimSpace(document) != "" {
				key, object := decoded(t, name, document)
				if objects[key] != nil {
					t.Errorf("%s is rendered twice", key)
				}
				objects[key] = object
			}
		}
	}
	return objects
}

// render is what the chart's files become with values.
func render(t *testing.T, values string) (map[string]string, error) {
	t.Helper()
	chart, err := loader.Load("../../deploy/helm/tidings")
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]any{}
	if err := yaml.Unmarshal([]byte(values), &given); err != nil {
		t.Fatal(err)
	}
	top, err := util.ToRenderValues(chart, given, common.ReleaseOptions{Name: "tidings", Namespace: "hooks", Revision: 1, IsInstall: true}, common.DefaultCapabilities)
	if err != nil {
		t.Fatal(err)
	}
	return engine.Render(chart, top)
}

// TestGrace wants a grace that Kubernetes would not keep refused.
func TestGrace(t *testing.T) {
	for _, grace := range []string{`""`, "20", "1.5m", "20 s", "500ms", "1m1h"} {
		if _, err := render(t, "natsURL: tls://nats-0:4222\ndispatcher: {grace: "+grace+"}"); err == nil || !strings.Contains(err.Error(), "write it like 20s or 1m30s") {
			t.Errorf("%s is taken: %v", grace, err)
		}
	}
}

func decoded(t *testing.T, file, document string) (key string, object any) {
	t.Helper()
	var head struct {
		APIVersion, Kind string
		Metadata         struct{ Name string }
	}
	if err := yaml.Unmarshal([]byte(document), &head); err != nil {
		t.Fatalf("%s: %v\n%s", file, err, document)
	}
	if head.Kind == "" {
		return file, nil // comments alone
	}
	make, ok := kinds[head.APIVersion+" "+head.Kind]
	if !ok {
		t.Fatalf("%s: no type for %s %s: add it to kinds", file, head.APIVersion, head.Kind)
	}
	object = make()
	if err := yaml.UnmarshalStrict([]byte(document), object); err != nil {
		t.Errorf("%s: %s %s: %v\n%s", file, head.Kind, head.Metadata.Name, err, document)
	}
	return head.Kind + " " + head.Metadata.Name, object
}

// deployments are those of the roles, in the order of the pipe.
func deployments(t *testing.T, objects map[string]any) map[string]*apps.Deployment {
	t.Helper()
	found := map[string]*apps.Deployment{}
	for _, role := range []string{"api", "fanout", "dispatcher"} {
		d, ok := objects["Deployment tidings-"+role].(*apps.Deployment)
		if !ok {
			t.Fatalf("no deployment of the role %s", role)
		}
		found[role] = d
	}
	return found
}

// TestPods holds each pod to what keeps a fleet safe, with the least that can be said and
// with all.
func TestPods(t *testing.T) {
	for name, values := range map[string]string{"least": "natsURL: tls://nats-0:4222", "nats": "nats: {enabled: true}", "everything": everything} {
		t.Run(name, func(t *testing.T) {
			for role, d := range deployments(t, rendered(t, values)) {
				spec := d.Spec.Template.Spec
				if !*spec.SecurityContext.RunAsNonRoot || spec.SecurityContext.SeccompProfile == nil || *spec.AutomountServiceAccountToken {
					t.Errorf("%s: a pod may be root, or has a token", role)
				}
				if d.Spec.Strategy.RollingUpdate.MaxUnavailable.IntValue() != 0 {
					t.Errorf("%s: a pod goes before another has come", role)
				}
				if !matches(d.Spec.Selector, d.Spec.Template.Labels) {
					t.Errorf("%s: it does not select its pods", role)
				}
				c := spec.Containers[0]
				if !*c.SecurityContext.ReadOnlyRootFilesystem || *c.SecurityContext.AllowPrivilegeEscalation || !slices.Equal(c.SecurityContext.Capabilities.Drop, []core.Capability{"ALL"}) {
					t.Errorf("%s: %+v", role, c.SecurityContext)
				}
				if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() || !c.Resources.Limits.Cpu().IsZero() {
					t.Errorf("%s: resources %+v: want a limit of memory, and a request but no limit of CPU", role, c.Resources)
				}
				if c.ReadinessProbe == nil || c.LivenessProbe.HTTPGet.Path != "/healthz" || c.ReadinessProbe.HTTPGet.Path != "/readyz" {
					t.Errorf("%s: probes %+v, %+v", role, c.LivenessProbe, c.ReadinessProbe)
				}
				want := map[string]int64{"everything": 115}[name]
				if want == 0 {
					want = 35
				}
				if *spec.TerminationGracePeriodSeconds != want {
					t.Errorf("%s: %d s to end, want the attempts' grace and 15 s: %d", role, *spec.TerminationGracePeriodSeconds, want)
				}
				mounted(t, role, spec)
			}
		})
	}
}

// mounted wants each file that the environment names in a volume of the pod, and no
// other role's seed.
func mounted(t *testing.T, role string, spec core.PodSpec) {
	t.Helper()
	var files []string
	for _, v := range spec.Volumes {
		if v.Secret != nil {
			for _, item := range v.Secret.Items {
				files = append(files, "/keys/"+item.Path)
			}
		}
		if v.ConfigMap != nil {
			files = append(files, "/etc/tidings/tidings.yaml")
		}
	}
	for _, e := range spec.Containers[0].Env {
		if strings.HasPrefix(e.Value, "/") && !slices.Contains(files, e.Value) {
			t.Errorf("%s: %s is %s, which nothing mounts of %q", role, e.Name, e.Value, files)
		}
	}
	for _, f := range files {
		if strings.HasSuffix(f, ".nk") && f != "/keys/"+role+".nk" {
			t.Errorf("%s can read %s", role, f)
		}
	}
	if role == "fanout" && slices.Contains(files, "/keys/secrets.key") {
		t.Error("fanout can open the secrets, and needs none")
	}
}

// TestWhoReachesTheInternet holds the network policies to the roles.
func TestWhoReachesTheInternet(t *testing.T) {
	objects := rendered(t, everything)
	for role, d := range deployments(t, objects) {
		wide := false
		for _, o := range objects {
			p, ok := o.(*networking.NetworkPolicy)
			if !ok || !selects(p, d.Spec.Template.Labels) {
				continue
			}
			for _, rule := range p.Spec.Egress {
				for _, to := range rule.To {
					wide = wide || to.IPBlock != nil && to.IPBlock.CIDR == "0.0.0.0/0"
				}
			}
		}
		if want := role != "fanout"; wide != want {
			t.Errorf("%s reaches the internet: %v, want %v", role, wide, want)
		}
	}
}

// TestScaling has no fixed number of pods where KEDA decides, and asks for metrics that
// exist.
func TestScaling(t *testing.T) {
	objects := rendered(t, everything)
	described := read(t, "../../deploy/metrics.md")
	for _, role := range []string{"fanout", "dispatcher"} {
		s, ok := objects["ScaledObject tidings-"+role].(*keda.ScaledObject)
		if !ok {
			t.Fatalf("no scaling of %s", role)
		}
		if d := deployments(t, objects)[role]; d.Spec.Replicas != nil || s.Spec.ScaleTargetRef.Name != d.Name {
			t.Errorf("%s: two decide how many pods there are", role)
		}
		for _, trigger := range s.Spec.Triggers {
			for _, name := range regexp.MustCompile(`tidings_[a-z_]+\{`).FindAllString(trigger.Metadata["query"], -1) {
				if !strings.Contains(described, "`"+strings.TrimSuffix(name, "{")+"`") {
					t.Errorf("%s: no such metric: %s", role, name)
				}
			}
		}
	}
	for role, d := range deployments(t, rendered(t, "natsURL: tls://n:4222")) {
		if d.Spec.Replicas == nil || *d.Spec.Replicas < 2 {
			t.Errorf("%s has %v pods", role, d.Spec.Replicas)
		}
	}
}

// TestNoNATS says what to do.
func TestNoNATS(t *testing.T) {
	chart, err := loader.Load("../../deploy/helm/tidings")
	if err != nil {
		t.Fatal(err)
	}
	top, err := util.ToRenderValues(chart, nil, common.ReleaseOptions{Name: "tidings"}, common.DefaultCapabilities)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Render(chart, top); err == nil || !strings.Contains(fmt.Sprint(err), "natsURL is empty") {
		t.Errorf("it says %v", err)
	}
}
