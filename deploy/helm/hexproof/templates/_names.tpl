{{/* Names, labels and images. */}}

{{- define "hexproof.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "hexproof.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "hexproof.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "hexproof.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels that never change: (dict "root" $ "component" "server") */}}
{{- define "hexproof.selector" -}}
app.kubernetes.io/name: {{ include "hexproof.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "hexproof.labels" -}}
{{ include "hexproof.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: hexproof
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* metadata of an object: (dict "root" $ "component" "server" "name" "...") */}}
{{- define "hexproof.metadata" -}}
name: {{ .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "hexproof.labels" . | nindent 2 }}
{{- end -}}

{{/* An image: (dict "root" $ "image" .Values.image "tag" .Chart.AppVersion) */}}
{{- define "hexproof.image" -}}
{{- $registry := default .root.Values.image.registry .image.registry | trimSuffix "/" -}}
{{- $tag := default .tag .image.tag -}}
{{- printf "%s/%s:%s" $registry .image.repository $tag -}}
{{- with .image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{- define "hexproof.own-image" -}}
{{- include "hexproof.image" (dict "root" . "image" .Values.image "tag" .Chart.AppVersion) -}}
{{- end -}}

{{- define "hexproof.tls-secret" -}}
{{- if .Values.tls.certManager.enabled -}}
{{ include "hexproof.fullname" . }}-tls
{{- else -}}
{{ .Values.tls.secret }}
{{- end -}}
{{- end -}}

{{- define "hexproof.agent-tls-secret" -}}
{{- if .Values.agent.certManager.enabled -}}
{{ include "hexproof.fullname" . }}-agent-tls
{{- else -}}
{{ .Values.agent.tlsSecret }}
{{- end -}}
{{- end -}}

{{/* Where agents and routes of this cluster reach the service. */}}
{{- define "hexproof.service-host" -}}
{{ include "hexproof.fullname" . }}.{{ .Release.Namespace }}.svc
{{- end -}}
