{{/* The configuration file of the service, from the values. Only paths stand in it where secrets are meant. */}}

{{- define "hexproof.queue-url" -}}
{{- $folder := "/etc/hexproof/queue" -}}
{{- if .Values.nats.enabled -}}
{{- $scheme := ternary "tls" "nats" (ne .Values.nats.tlsSecret "") -}}
{{- $address := printf "%s://%s-nats.%s.svc:4222?token-file=%s/token" $scheme (include "hexproof.fullname" .) .Release.Namespace $folder -}}
{{- if .Values.nats.tlsSecret -}}
{{- $address = printf "%s&ca=/etc/hexproof/queue-ca/ca.crt" $address -}}
{{- end -}}
{{- $address -}}
{{- else if .Values.externalQueue.url -}}
{{- $parameters := list -}}
{{- $names := dict "token" "token-file" "nats.creds" "creds" "ca.crt" "ca" "tls.crt" "cert" "tls.key" "key" -}}
{{- range .Values.externalQueue.keys -}}
{{- $parameters = append $parameters (printf "%s=%s/%s" (get $names .) $folder .) -}}
{{- end -}}
{{- .Values.externalQueue.url -}}{{- with $parameters }}?{{ join "&" . }}{{ end -}}
{{- end -}}
{{- end -}}

{{- define "hexproof.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $config = merge (dict "listen" "0.0.0.0:7443" "metricsListen" "0.0.0.0:9464" "store" .Values.store.url) $config -}}
{{- $_ := set $config "identity" (dict "certificate" "/etc/hexproof/identity/signer.pem" "key" "/etc/hexproof/identity/signer.key") -}}
{{- with include "hexproof.queue-url" . }}{{ $_ := set $config "queue" . }}{{ end -}}
{{- $roles := list "api" "scheduler" -}}
{{- if not .Values.worker.enabled }}{{ $roles = append $roles "worker" }}{{ end -}}
{{- $_ := set $config "roles" $roles -}}
{{- $_ := set $config "workers" (int .Values.worker.audits) -}}
{{- if .Values.worker.readThisCluster }}{{ $_ := set $config "readClusters" true }}{{ end -}}
{{- $_ := set $config "tls" (dict "certificate" "/etc/hexproof/tls/tls.crt" "key" "/etc/hexproof/tls/tls.key") -}}
{{- if .Values.agentTls.secret -}}
{{- $_ := set $config "agentTls" (dict "certificate" "/etc/hexproof/agent-tls/tls.crt" "key" "/etc/hexproof/agent-tls/tls.key") -}}
{{- end -}}
{{- if .Values.trust.configMap -}}
{{- $trust := list -}}
{{- range .Values.trust.keys }}{{ $trust = append $trust (printf "/etc/hexproof/trust/%s" .) }}{{ end -}}
{{- $_ := set $config "trust" $trust -}}
{{- end -}}
{{- $_ := set $config "access" (include "hexproof.access" . | fromYaml) -}}
{{- toYaml $config -}}
{{- end -}}

{{- define "hexproof.access" -}}
{{- $access := dict -}}
{{- with .Values.access -}}
{{- if .oidc -}}
{{- $oidc := deepCopy .oidc -}}
{{- if .oidcCaConfigMap }}{{ $_ := set $oidc "ca" "/etc/hexproof/oidc/ca.crt" }}{{ end -}}
{{- $_ := set $access "oidc" $oidc -}}
{{- end -}}
{{- if .login -}}
{{- $login := deepCopy .login -}}
{{- if and .loginSecret .clientSecretKey }}{{ $_ := set $login "clientSecretFile" (printf "/etc/hexproof/login/%s" .clientSecretKey) }}{{ end -}}
{{- with .sessionKeys -}}
{{- $keys := list -}}
{{- range . }}{{ $keys = append $keys (dict "id" . "file" (printf "/etc/hexproof/login/%s" .)) }}{{ end -}}
{{- $_ := set $login "keys" $keys -}}
{{- end -}}
{{- $_ := set $access "login" $login -}}
{{- end -}}
{{- if .kubernetes }}{{ $_ := set $access "kubernetes" .kubernetes }}{{ end -}}
{{- if .mtls.trustDomain -}}
{{- $folder := ternary "agents-ca" "tls" (ne .mtls.caSecret "") -}}
{{- $mtls := dict "ca" (printf "/etc/hexproof/%s/ca.crt" $folder) "trustDomain" .mtls.trustDomain "longestHours" (int .mtls.longestHours) -}}
{{- $_ := set $access "mtls" $mtls -}}
{{- end -}}
{{- if or .links.baseUrl .links.keys -}}
{{- $keys := list -}}
{{- range .links.keys }}{{ $keys = append $keys (dict "id" . "file" (printf "/etc/hexproof/links/%s" .)) }}{{ end -}}
{{- $_ := set $access "links" (dict "baseUrl" .links.baseUrl "keys" $keys) -}}
{{- end -}}
{{- end -}}
{{- toYaml $access -}}
{{- end -}}

{{/* The name changes with the content: pods never see another configuration than the one they started with. */}}
{{- define "hexproof.config-name" -}}
{{ include "hexproof.fullname" . }}-{{ include "hexproof.config" . | sha256sum | trunc 10 }}
{{- end -}}
