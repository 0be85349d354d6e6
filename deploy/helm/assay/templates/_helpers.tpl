{{/* The name of all resources: the release's, or the release's and the chart's. */}}
{{- define "assay.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "assay.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "assay.labels" -}}
{{ include "assay.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "assay.image" -}}
{{- required "image.repository is needed: no image is published; the guide tells how to build one" .Values.image.repository -}}
:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{/* Whether anything is kept on the volume; empty if not. */}}
{{- define "assay.onVolume" -}}
{{- if or (not .Values.store.existingSecret) (not .Values.artifacts.uri) }}yes{{ end -}}
{{- end -}}

{{/* What can't work is refused here, before anything is installed. */}}
{{- define "assay.check" -}}
{{- $several := or (gt (int .Values.replicas) 1) .Values.autoscaling.enabled -}}
{{- if and $several (include "assay.onVolume" .) -}}
{{- fail "several pods need a PostgreSQL database (store.existingSecret) and an object store (artifacts.uri)" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) -}}
{{- fail "ingress.host is needed: the server answers only to names that it knows" -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (lt (int .Values.autoscaling.maxReplicas) (int .Values.replicas)) -}}
{{- fail "autoscaling.maxReplicas can't be less than replicas" -}}
{{- end -}}
{{- end -}}

{{/* Names that clients use. */}}
{{- define "assay.hosts" -}}
{{- $name := include "assay.name" . -}}
{{- $ns := .Release.Namespace -}}
{{- $hosts := list $name (printf "%s.%s" $name $ns) (printf "%s.%s.svc" $name $ns) (printf "%s.%s.svc.cluster.local" $name $ns) -}}
{{- if .Values.ingress.enabled }}{{ $hosts = append $hosts .Values.ingress.host }}{{ end -}}
{{- concat $hosts .Values.server.allowedHosts | uniq | join "," -}}
{{- end -}}

{{/* Where the store is: for the server, and for commands that are run beside it. */}}
{{- define "assay.storeEnv" -}}
{{- range list "ASSAY_SERVER_STORE_URI" "ASSAY_TRACKING_URI" }}
- name: {{ . }}
{{- if $.Values.store.existingSecret }}
  valueFrom:
    secretKeyRef:
      name: {{ $.Values.store.existingSecret }}
      key: {{ $.Values.store.key }}
{{- else }}
  value: sqlite:////data/assay.db
{{- end }}
{{- end }}
{{- end -}}

{{- define "assay.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "assay.mounts" -}}
- name: scratch
  mountPath: /tmp
{{- if include "assay.onVolume" . }}
- name: data
  mountPath: /data
{{- end }}
{{- end -}}
