{{- define "tidings.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "tidings.selector" -}}
app.kubernetes.io/name: tidings
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "tidings.labels" -}}
{{ include "tidings.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end }}

{{- define "tidings.natsURL" -}}
{{- if .Values.natsURL }}{{ .Values.natsURL }}
{{- else if .Values.nats.enabled }}tls://{{ .Release.Name }}-nats:4222
{{- else }}{{ fail "natsURL is empty: say where NATS is, like tls://nats-0:4222,tls://nats-1:4222, or set nats.enabled" }}{{ end }}
{{- end }}

{{/* Seconds of a grace like 20s or 1m30s. */}}
{{- define "tidings.seconds" -}}
{{- $grace := toString . -}}
{{- if or (eq $grace "") (not (regexMatch "^([0-9]+h)?([0-9]+m)?([0-9]+s)?$" $grace)) }}{{ fail (printf "dispatcher.grace is %q: write it like 20s or 1m30s" $grace) }}{{ end -}}
{{- $of := dict -}}
{{- range list "h" "m" "s" }}{{ $_ := set $of . (regexFind (printf "[0-9]+%s" .) $grace | trimSuffix . | int) }}{{ end -}}
{{- add (mul 3600 $of.h) (mul 60 $of.m) $of.s }}
{{- end }}

{{/* The variables of a role: {root, role, values, more}. Later ones of the user's win. */}}
{{- define "tidings.env" -}}
{{- $env := dict
  "TIDINGS_NATS_URL" (include "tidings.natsURL" .root)
  "TIDINGS_NATS_CA" "/keys/ca.pem"
  "TIDINGS_NATS_NKEY" (printf "/keys/%s.nk" .role)
  "TIDINGS_REPLICAS" (toString .root.Values.natsReplicas)
  "TIDINGS_HTTP_ADDR" "0.0.0.0:8080"
  "TIDINGS_METRICS_ADDR" "0.0.0.0:9464" -}}
{{- with .root.Values.monitoring.otlpEndpoint }}{{ $_ := set $env "OTEL_EXPORTER_OTLP_ENDPOINT" . }}{{ $_ := set $env "OTEL_METRICS_EXPORTER" "none" }}{{ end -}}
{{- $env = merge (deepCopy .values.env) (deepCopy .root.Values.env) .more $env -}}
{{- range $name := keys $env | sortAlpha }}
- {name: {{ $name }}, value: {{ get $env $name | toString | quote }}}
{{- end }}
- name: GOMEMLIMIT # collect before the kernel kills
  valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: "1"}}
{{- end }}

{{/* The files that a role may read: {root, role, more}. */}}
{{- define "tidings.keys" -}}
- name: keys
  secret:
    secretName: {{ .root.Values.secret }}
    defaultMode: 0440
    items:
      {{- range concat (list (printf "%s.nk" .role) "ca.pem") .more }}
      - {key: {{ . }}, path: {{ . }}}
      {{- end }}
{{- end }}
