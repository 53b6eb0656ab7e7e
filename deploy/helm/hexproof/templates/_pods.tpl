{{/* What all pods have in common. Programs write nothing to their disk: there is no writable volume at all. */}}

{{- define "hexproof.pod-security" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "hexproof.container-security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
privileged: false
capabilities: {drop: [ALL]}
{{- end -}}

{{/* Annotations and labels of a pod: (dict "root" $ "component" "server" "values" .Values.server "checksum" "...") */}}
{{- define "hexproof.pod-metadata" -}}
labels:
  {{- include "hexproof.labels" . | nindent 2 }}
  {{- if has .component (list "server" "worker" "agent") }}
  hexproof.dev/metrics: "true"
  {{- end }}
  {{- with .values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $annotations := .values.podAnnotations | default dict }}
{{- if .checksum }}{{ $annotations = merge (dict "checksum/config" .checksum) $annotations }}{{ end }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Where a pod runs: (dict "root" $ "component" "server" "values" .Values.server "spread" true) */}}
{{- define "hexproof.placement" -}}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .root.Values.priorityClass.name }}
priorityClassName: {{ . }}
{{- end }}
enableServiceLinks: false
{{- if .spread }}
topologySpreadConstraints:
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "hexproof.selector" $ | nindent 8 }}
  {{- end }}
{{- end }}
nodeSelector:
  kubernetes.io/os: linux
  {{- with .values.nodeSelector }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Environment of what opens the store. */}}
{{- define "hexproof.store-environment" -}}
{{- range $name, $value := .Values.store.environment }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- if .Values.store.credentialsSecret }}
- name: HEXPROOF_STORE_CREDENTIALS_DIR
  value: /etc/hexproof/store
{{- end }}
{{- with .Values.monitoring.otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- end -}}

{{/* Volumes of what opens the store and seals packs. */}}
{{- define "hexproof.store-volumes" -}}
- name: identity
  secret:
    secretName: {{ .Values.identity.secret }}
    defaultMode: 0440
    items:
      - {key: {{ .Values.identity.certificateKey }}, path: signer.pem}
      - {key: {{ .Values.identity.privateKey }}, path: signer.key}
{{- with .Values.store.credentialsSecret }}
- name: store
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- with .Values.store.claim }}
- name: evidence
  persistentVolumeClaim: {claimName: {{ . }}}
{{- end }}
{{- end -}}

{{- define "hexproof.store-mounts" -}}
- {name: identity, mountPath: /etc/hexproof/identity, readOnly: true}
{{- if .Values.store.credentialsSecret }}
- {name: store, mountPath: /etc/hexproof/store, readOnly: true}
{{- end }}
{{- if .Values.store.claim }}
- {name: evidence, mountPath: /var/lib/hexproof}
{{- end }}
{{- end -}}

{{/* Volumes of `hexproof serve`, beside those of the store: everything that its configuration names. */}}
{{- define "hexproof.service-volumes" -}}
- name: config
  configMap: {name: {{ include "hexproof.config-name" . }}, defaultMode: 0444}
- name: tls
  secret: {secretName: {{ include "hexproof.tls-secret" . }}, defaultMode: 0440}
{{- with .Values.agentTls.secret }}
- name: agent-tls
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- with .Values.access.mtls.caSecret }}
- name: agents-ca
  secret: {secretName: {{ . }}, defaultMode: 0440, items: [{key: ca.crt, path: ca.crt}]}
{{- end }}
{{- if .Values.nats.enabled }}
- name: queue
  secret: {secretName: {{ .Values.nats.authSecret }}, defaultMode: 0440, items: [{key: token, path: token}]}
{{- with .Values.nats.tlsSecret }}
- name: queue-ca
  secret: {secretName: {{ . }}, defaultMode: 0440, items: [{key: ca.crt, path: ca.crt}]}
{{- end }}
{{- else if .Values.externalQueue.secret }}
- name: queue
  secret:
    secretName: {{ .Values.externalQueue.secret }}
    defaultMode: 0440
    items:
      {{- range .Values.externalQueue.keys }}
      - {key: {{ . }}, path: {{ . }}}
      {{- end }}
{{- end }}
{{- with .Values.access.oidcCaConfigMap }}
- name: oidc
  configMap: {name: {{ . }}, defaultMode: 0444, items: [{key: ca.crt, path: ca.crt}]}
{{- end }}
{{- with .Values.access.loginSecret }}
- name: login
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- with .Values.access.links.secret }}
- name: links
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- with .Values.trust.configMap }}
- name: trust
  configMap: {name: {{ . }}, defaultMode: 0444}
{{- end }}
{{ include "hexproof.store-volumes" . }}
{{- end -}}

{{- define "hexproof.service-mounts" -}}
- {name: config, mountPath: /etc/hexproof/config, readOnly: true}
- {name: tls, mountPath: /etc/hexproof/tls, readOnly: true}
{{- if .Values.agentTls.secret }}
- {name: agent-tls, mountPath: /etc/hexproof/agent-tls, readOnly: true}
{{- end }}
{{- if .Values.access.mtls.caSecret }}
- {name: agents-ca, mountPath: /etc/hexproof/agents-ca, readOnly: true}
{{- end }}
{{- if or .Values.nats.enabled .Values.externalQueue.secret }}
- {name: queue, mountPath: /etc/hexproof/queue, readOnly: true}
{{- end }}
{{- if and .Values.nats.enabled .Values.nats.tlsSecret }}
- {name: queue-ca, mountPath: /etc/hexproof/queue-ca, readOnly: true}
{{- end }}
{{- if .Values.access.oidcCaConfigMap }}
- {name: oidc, mountPath: /etc/hexproof/oidc, readOnly: true}
{{- end }}
{{- if .Values.access.loginSecret }}
- {name: login, mountPath: /etc/hexproof/login, readOnly: true}
{{- end }}
{{- if .Values.access.links.secret }}
- {name: links, mountPath: /etc/hexproof/links, readOnly: true}
{{- end }}
{{- if .Values.trust.configMap }}
- {name: trust, mountPath: /etc/hexproof/trust, readOnly: true}
{{- end }}
{{ include "hexproof.store-mounts" . }}
{{- end -}}

{{/* Of every process that serves metrics: both probes ask the port that needs no certificate. */}}
{{- define "hexproof.probes" -}}
startupProbe:
  httpGet: {path: /livez, port: metrics}
  periodSeconds: 2
  failureThreshold: 30
livenessProbe:
  httpGet: {path: /livez, port: metrics}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: metrics}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
{{- end -}}
