{{/* What each program's settings file says: what the chart knows, and `settings` over it. Secrets come by the environment. */}}

{{/* Of every program. All start at once, and a new volume takes its time: less than a startup probe bears. */}}
{{- define "moorage.commonSettings" -}}
{{ dict "store" (dict "wait_seconds" 90) | toJson }}
{{- end }}

{{- define "moorage.gatewaySettings" -}}
{{- $gateway := dict "node" (include "moorage.publicUrl" .) "dialout_port" 7404 "drain_seconds" .Values.drainSeconds -}}
{{- if include "moorage.tls" . -}}
{{- $_ := set $gateway "tls" (dict "enabled" true "certificate" "/etc/moorage/tls/tls.crt" "key" "/etc/moorage/tls/tls.key") -}}
{{- end -}}
{{- if .Values.tls.linkSecretName -}}
{{- $_ := set $gateway "link_tls" (dict "enabled" true "certificate" "/etc/moorage/link/tls.crt" "key" "/etc/moorage/link/tls.key") -}}
{{- end -}}
{{- $said := omit (default dict .Values.settings) "controlplane" "signing" "autoscaler" -}}
{{ include "moorage.over" (dict "below" (include "moorage.commonSettings" . | fromJson | merge (dict "gateway" $gateway)) "above" $said) }}
{{- end }}

{{- define "moorage.controlplaneSettings" -}}
{{- $keys := dict -}}
{{- range $key, $pool := include "moorage.pools" . | fromYaml -}}
{{- $_ := set $keys $key (dict "pool" $pool.pool "region" $pool.region "file" (printf "/etc/moorage/join/%s" $key)) -}}
{{- end -}}
{{- $next := list -}}
{{- range .Values.signing.next }}{{ $next = append $next (printf "/etc/moorage/signing/%s" .) }}{{ end -}}
{{- $retiring := list -}}
{{- range .Values.signing.retiring }}{{ $retiring = append $retiring (printf "/etc/moorage/signing/%s" .) }}{{ end -}}
{{- $signing := dict "key" (printf "/etc/moorage/signing/%s" (include "moorage.signingKid" .)) "next_keys" $next "retiring_keys" $retiring -}}
{{- $controlplane := dict "node_url" (include "moorage.publicUrl" .) "join_keys" $keys -}}
{{ include "moorage.over" (dict "below" (include "moorage.commonSettings" . | fromJson | merge (dict "controlplane" $controlplane "signing" $signing)) "above" (omit (default dict .Values.settings) "autoscaler")) }}
{{- end }}

{{- define "moorage.autoscalerSettings" -}}
{{- $asked := .Values.autoscaler.prometheus -}}
{{- $prometheus := dict "urls" $asked.urls -}}
{{- if $asked.existingSecret -}}
{{- if $asked.ca }}{{ $_ := set $prometheus "ca_file" "/etc/moorage/prometheus/ca.crt" }}{{ end -}}
{{- if eq $asked.auth "bearer" }}{{ $_ := set $prometheus "bearer_token_file" "/etc/moorage/prometheus/token" }}{{ end -}}
{{- if eq $asked.auth "basic" }}{{ $_ := set $prometheus "password_file" "/etc/moorage/prometheus/password" }}{{ end -}}
{{- end -}}
{{- $autoscaler := dict "policy" "/etc/moorage/pools.toml" "lease" (printf "%s-autoscaler" (include "moorage.fullname" .)) "prometheus" $prometheus -}}
{{ include "moorage.over" (dict "below" (include "moorage.commonSettings" . | fromJson | merge (dict "autoscaler" $autoscaler)) "above" (omit (default dict .Values.settings) "gateway" "controlplane" "signing")) }}
{{- end }}

{{/* The autoscaler's policies: pools with scaling builtin and no others. */}}
{{- define "moorage.policies" -}}
{{- with .Values.autoscaler.policyDefaults }}{{ include "moorage.toml" (dict "at" "" "table" (dict "defaults" .)) }}{{ end }}
{{- range $key, $pool := include "moorage.pools" . | fromYaml }}
{{- if eq $pool.scaling "builtin" }}
{{- $target := dict "kind" "kubernetes" "namespace" $.Release.Namespace "name" (include "moorage.poolName" (dict "root" $ "key" $key)) -}}
{{- with $pool.policy.removal }}{{ $_ := set $target "removal" . }}{{ end -}}
{{- $known := dict "region" $pool.region "pool" $pool.pool "slots" $pool.slots "minimum" $pool.minimum "maximum" $pool.maximum "labels" $pool.labels "target" $target -}}
{{- $own := include "moorage.over" (dict "below" (omit $pool.policy "removal") "above" $known) | fromJson }}

[[pools]]
{{- range $field, $value := $own }}
{{- if not (kindIs "invalid" $value) }}
{{ include "moorage.tomlKey" $field }} = {{ include "moorage.tomlValue" $value }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
