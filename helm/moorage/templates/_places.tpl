{{/* Where things are: stores, addresses, Secrets. Each answer in one place. */}}

{{/* A Service's name in the cluster: (dict "root" $ "name" "gateway"). */}}
{{- define "moorage.host" -}}
{{ include "moorage.fullname" .root }}-{{ .name }}.{{ .root.Release.Namespace }}.svc.{{ .root.Values.clusterDomain }}
{{- end }}

{{/* tls.mode: `off` without quotes is YAML for false. */}}
{{- define "moorage.tlsMode" -}}
{{- ternary "off" .Values.tls.mode (kindIs "bool" .Values.tls.mode) -}}
{{- end }}

{{/* "true" where the gateways themselves serve TLS. */}}
{{- define "moorage.tls" -}}
{{- if ne (include "moorage.tlsMode" .) "off" }}true{{ end -}}
{{- end }}

{{/* What clients inside the cluster connect to. */}}
{{- define "moorage.clusterUrl" -}}
{{ ternary "wss" "ws" (eq (include "moorage.tls" .) "true") }}://{{ include "moorage.host" (dict "root" . "name" "gateway") }}:{{ .Values.gateway.service.port }}
{{- end }}

{{/* What clients are told to connect to. */}}
{{- define "moorage.publicUrl" -}}
{{- if .Values.publicUrl -}}
{{ .Values.publicUrl | trimSuffix "/" }}
{{- else if and .Values.ingress.enabled .Values.ingress.host -}}
wss://{{ .Values.ingress.host }}
{{- else if and .Values.gatewayApi.enabled .Values.gatewayApi.hostnames -}}
wss://{{ first .Values.gatewayApi.hostnames }}
{{- else -}}
{{ include "moorage.clusterUrl" . }}
{{- end }}
{{- end }}

{{/* The host of the public address, without its port. */}}
{{- define "moorage.publicHost" -}}
{{- regexReplaceAll ":[0-9]+$" (urlParse (include "moorage.publicUrl" .)).host "" | trimPrefix "[" | trimSuffix "]" -}}
{{- end }}

{{/* Where `helm test` connects: a certificate that was not made here is for the public name. */}}
{{- define "moorage.testUrl" -}}
{{- ternary (include "moorage.publicUrl" .) (include "moorage.clusterUrl" .) (has (include "moorage.tlsMode" .) (list "secret" "certManager")) -}}
{{- end }}

{{- define "moorage.restUrl" -}}
http://{{ include "moorage.host" (dict "root" . "name" "controlplane") }}:{{ .Values.controlplane.service.port }}
{{- end }}

{{/* Where workers' links go. */}}
{{- define "moorage.link" -}}
{{ ternary "wss" "ws" (not (empty .Values.tls.linkSecretName)) }}://{{ include "moorage.fullname" . }}-links.{{ .Release.Namespace }}.svc:7403/link
{{- end }}

{{/* "true" where the bundled Valkey is the store. */}}
{{- define "moorage.bundledValkey" -}}
{{- if and .Values.valkey.enabled (not .Values.redis.url) (not .Values.redis.existingSecret) }}true{{ end -}}
{{- end }}

{{/* "true" where the control planes share a PostgreSQL. */}}
{{- define "moorage.postgresql" -}}
{{- if or .Values.database.url .Values.database.existingSecret }}true{{ end -}}
{{- end }}

{{/* {name, key} of the Secret with the store's address, as JSON. */}}
{{- define "moorage.storeSecret" -}}
{{- $fullname := include "moorage.fullname" . -}}
{{- if .Values.redis.existingSecret -}}
{{ dict "name" .Values.redis.existingSecret "key" .Values.redis.key | toJson }}
{{- else -}}
{{ dict "name" (printf "%s-%s" $fullname (ternary "redis" "valkey" (not (empty .Values.redis.url)))) "key" "url" | toJson }}
{{- end }}
{{- end }}

{{- define "moorage.databaseSecret" -}}
{{- if .Values.database.existingSecret -}}
{{ dict "name" .Values.database.existingSecret "key" .Values.database.key | toJson }}
{{- else -}}
{{ dict "name" (printf "%s-database" (include "moorage.fullname" .)) "key" "url" | toJson }}
{{- end }}
{{- end }}

{{- define "moorage.adminSecret" -}}
{{ dict "name" (default (printf "%s-admin" (include "moorage.fullname" .)) .Values.adminKey.existingSecret) "key" .Values.adminKey.key | toJson }}
{{- end }}

{{- define "moorage.signingSecretName" -}}
{{ default (printf "%s-signing" (include "moorage.fullname" .)) .Values.signing.existingSecret }}
{{- end }}

{{/* {name, key} of the Secret with a pool's join key: (dict "root" $ "key" "example" "pool" $pool). */}}
{{- define "moorage.joinSecret" -}}
{{- if .pool.joinKey.existingSecret -}}
{{ dict "name" .pool.joinKey.existingSecret "key" .pool.joinKey.key | toJson }}
{{- else -}}
{{ dict "name" (printf "%s-join" (include "moorage.fullname" .root)) "key" .key | toJson }}
{{- end }}
{{- end }}

{{- define "moorage.tlsSecretName" -}}
{{- $ours := printf "%s-tls" (include "moorage.fullname" .) -}}
{{- if eq (include "moorage.tlsMode" .) "generated" -}}
{{ $ours }}
{{- else -}}
{{ default $ours .Values.tls.secretName }}
{{- end }}
{{- end }}

{{/* The kid that signs. A generated one is named once: whoever installs anew must not meet an older key under its name. */}}
{{- define "moorage.signingKid" -}}
{{- if .Values.signing.existingSecret -}}
{{ default "current" .Values.signing.current }}
{{- else -}}
{{- $kept := (lookup "v1" "Secret" .Release.Namespace (include "moorage.signingSecretName" .)).data -}}
{{- if not (hasKey .Values "generatedKid") -}}
{{- $_ := set .Values "generatedKid" (empty $kept | ternary (printf "k%s" (randAlphaNum 8 | lower)) (keys (default dict $kept) | sortAlpha | join " " | splitList " " | first)) -}}
{{- end -}}
{{ .Values.generatedKid }}
{{- end }}
{{- end }}

{{/* A value of one of our Secrets, base64: what is kept there, else what is given:
     (dict "root" $ "secret" "name" "key" "url" "otherwise" "plain text"). */}}
{{- define "moorage.kept" -}}
{{- $kept := default dict (lookup "v1" "Secret" .root.Release.Namespace .secret).data -}}
{{- default (b64enc .otherwise) (get $kept .key) -}}
{{- end }}
