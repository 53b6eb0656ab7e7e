{{/* What no schema can say: values that do not go together. Each message says what to set. */}}

{{- define "hexproof.checks" -}}
{{- $values := .Values -}}
{{- $serves := or .Values.server.enabled .Values.worker.enabled -}}
{{- $seals := or $serves .Values.cronjob.enabled -}}
{{- if not .Values.image.registry }}{{ fail "image.registry: name the registry of your image, such as registry.example.com/tools; deploy/Dockerfile makes the image" }}{{ end -}}
{{- if and $seals (not .Values.store.url) }}{{ fail "store.url: say where evidence is kept, such as s3://evidence/prod" }}{{ end -}}
{{- if and (hasPrefix "file:" .Values.store.url) (not .Values.store.claim) }}{{ fail "store.claim: a store of the form file:// needs a PersistentVolumeClaim, mounted at /var/lib/hexproof" }}{{ end -}}
{{- if and .Values.store.claim (not (hasPrefix "file:///var/lib/hexproof" .Values.store.url)) }}{{ fail "store.url: with store.claim it is file:///var/lib/hexproof or below" }}{{ end -}}
{{- if and $seals (not .Values.identity.secret) }}{{ fail "identity.secret: name the Secret with the certificate chain and key that seal packs; docs/install.md shows how to make it" }}{{ end -}}
{{- if and $serves (not (or .Values.tls.secret .Values.tls.certManager.enabled)) }}{{ fail "tls.secret or tls.certManager.enabled: the service has no certificate" }}{{ end -}}
{{- if and .Values.tls.certManager.enabled (not .Values.tls.certManager.issuer.name) }}{{ fail "tls.certManager.issuer.name: name the issuer of the certificate" }}{{ end -}}
{{- if and .Values.worker.enabled (not (or .Values.nats.enabled .Values.externalQueue.url)) }}{{ fail "externalQueue.url: workers need a queue; enable nats, name a queue of your own, or set worker.enabled to false and server.replicas to 1" }}{{ end -}}
{{- if and .Values.nats.enabled .Values.externalQueue.url }}{{ fail "externalQueue.url: set nats.enabled to false to use a queue of your own" }}{{ end -}}
{{- if and .Values.server.enabled (not (or .Values.nats.enabled .Values.externalQueue.url)) (gt (int .Values.server.replicas) 1) }}{{ fail "server.replicas: without a queue that all reach there can be one process alone; set it to 1" }}{{ end -}}
{{- if and .Values.nats.enabled (not .Values.nats.authSecret) }}{{ fail "nats.authSecret: name the Secret with `token` and `auth.conf`; docs/install.md shows how to make it" }}{{ end -}}
{{- if and .Values.agent.enabled (not .Values.agent.cluster) }}{{ fail "agent.cluster: the id under which the cluster is registered" }}{{ end -}}
{{- if and .Values.agent.enabled (not .Values.agent.trustDomain) }}{{ fail "agent.trustDomain: the trust domain of the SPIFFE ids" }}{{ end -}}
{{- if and .Values.agent.enabled (not (or .Values.agent.tlsSecret .Values.agent.certManager.enabled)) }}{{ fail "agent.tlsSecret or agent.certManager.enabled: the agent has no certificate" }}{{ end -}}
{{- if and .Values.agent.enabled .Values.agent.certManager.enabled (not .Values.agent.certManager.issuer.name) }}{{ fail "agent.certManager.issuer.name: name the issuer of the certificate" }}{{ end -}}
{{- if and .Values.agent.enabled (not .Values.agent.server) (not .Values.server.enabled) }}{{ fail "agent.server: https:// address of the service that the agent delivers to" }}{{ end -}}
{{- if and .Values.agent.enabled .Values.server.enabled (not .Values.agent.server) (not .Values.access.mtls.trustDomain) }}{{ fail "access.mtls.trustDomain: the service takes no agents without it" }}{{ end -}}
{{- if and .Values.cronjob.enabled (not .Values.cronjob.cluster) }}{{ fail "cronjob.cluster: the name of the cluster in its packs" }}{{ end -}}
{{- if and .Values.cronjob.waivers (not .Values.cronjob.settingsConfigMap) }}{{ fail "cronjob.settingsConfigMap: waivers.yaml is a key of it" }}{{ end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) }}{{ fail "ingress.hosts: name at least one host" }}{{ end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.tlsSecret) }}{{ fail "ingress.tlsSecret: the Secret with the certificate of the hosts; tokens and packs do not go over plain HTTP" }}{{ end -}}
{{- if and (or .Values.gateway.http.enabled .Values.gateway.grpc.enabled .Values.gateway.tls.enabled) (or (not .Values.gateway.parents) (not .Values.gateway.hostnames)) }}{{ fail "gateway.parents and gateway.hostnames: name the gateway and the hosts of the routes" }}{{ end -}}
{{- if and (or .Values.gateway.http.enabled .Values.gateway.grpc.enabled) (not .Values.gateway.backendCaConfigMap) }}{{ fail "gateway.backendCaConfigMap: the gateway speaks TLS to the service and needs the authority of its certificate" }}{{ end -}}
{{- if and .Values.access.login (not .Values.access.oidc) }}{{ fail "access.oidc: people log in at the OpenID provider named there" }}{{ end -}}
{{- if and .Values.access.sessionKeys (not .Values.access.loginSecret) }}{{ fail "access.loginSecret: the Secret that holds the keys of sessions" }}{{ end -}}
{{- if and .Values.access.links.keys (not .Values.access.links.secret) }}{{ fail "access.links.secret: the Secret that holds the keys of download links" }}{{ end -}}
{{- if and (gt (int .Values.server.replicas) 1) .Values.access.login (not .Values.access.sessionKeys) }}{{ fail "access.sessionKeys: with several replicas sessions need keys that all share" }}{{ end -}}
{{- if and .Values.worker.autoscaling.enabled (ge (int .Values.worker.autoscaling.minReplicas) (int .Values.worker.autoscaling.maxReplicas)) }}{{ fail "worker.autoscaling: minReplicas has to be below maxReplicas" }}{{ end -}}
{{- if and .Values.server.enabled (eq .Values.server.service.type "LoadBalancer") (not .Values.server.service.loadBalancerSourceRanges) }}{{ fail "server.service.loadBalancerSourceRanges: say who may come from outside" }}{{ end -}}
{{- if and .Values.priorityClass.create (not .Values.priorityClass.name) }}{{ fail "priorityClass.name: name the class to make" }}{{ end -}}
{{- range $variable, $_ := .Values.store.environment }}
{{- if not (regexMatch "^(AWS|AZURE|GOOGLE|HEXPROOF)_" $variable) }}{{ fail (printf "store.environment.%s: only variables of the store belong here, AWS_*, AZURE_*, GOOGLE_*" $variable) }}{{ end -}}
{{- if regexMatch "SECRET|ACCESS_KEY|ACCOUNT_KEY|_SAS_|SESSION_TOKEN|PASSWORD" $variable }}{{ fail (printf "store.environment.%s: a secret does not belong into values; make it a key of the Secret that store.credentialsSecret names" $variable) }}{{ end -}}
{{- end -}}
{{- $free := omit .Values.config "secrets" "readClusters" "kubeconfig" "limits" "audits" "rendering" "corsOrigins" "logFormat" "graceSeconds" -}}
{{- range $field, $_ := $free }}{{ fail (printf "config.%s: the chart sets it itself; see README.md" $field) }}{{ end -}}
{{- end -}}
