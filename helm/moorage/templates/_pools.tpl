{{/* The enabled pools as YAML: key -> poolDefaults and what the pool says over them. Read it with `fromYaml`. */}}
{{- define "moorage.pools" -}}
{{- $found := dict -}}
{{- range $key, $said := .Values.pools -}}
{{- if not (kindIs "invalid" $said) -}}
{{- $pool := include "moorage.over" (dict "below" $.Values.poolDefaults "above" $said) | fromJson -}}
{{- if $pool.enabled -}}
{{- $_ := set $pool "pool" (default $key $pool.pool) -}}
{{- $_ := set $pool "policy" (default dict $pool.policy) -}}
{{- if kindIs "invalid" $pool.drainSeconds -}}
{{- $_ := set $pool "drainSeconds" $.Values.drainSeconds -}}
{{- end -}}
{{- $_ := set $found $key $pool -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{ toYaml $found }}
{{- end }}

{{/* Two tables as JSON, the upper one's values over the lower one's. Sprig's merges take 0, false and "" for nothing said. */}}
{{- define "moorage.over" -}}
{{- $merged := dict -}}
{{- range $key, $value := .below -}}
{{- $_ := set $merged $key $value -}}
{{- end -}}
{{- range $key, $value := .above -}}
{{- if and (kindIs "map" $value) (kindIs "map" (get $merged $key)) -}}
{{- $_ := set $merged $key (include "moorage.over" (dict "below" (get $merged $key) "above" $value) | fromJson) -}}
{{- else -}}
{{- $_ := set $merged $key $value -}}
{{- end -}}
{{- end -}}
{{ toJson $merged }}
{{- end }}

{{/* "true" where Moorage's own autoscaler has a pool to scale. */}}
{{- define "moorage.autoscales" -}}
{{- range include "moorage.pools" . | fromYaml }}{{ if eq .scaling "builtin" }}true {{ end }}{{ end -}}
{{- end }}
