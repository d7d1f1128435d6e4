{{/* TOML of values. Helm's own toToml writes 10 as 10.0, since its numbers are floats; policies ask for whole ones. */}}

{{/* One value on one line. */}}
{{- define "moorage.tomlValue" -}}
{{- if kindIs "map" . -}}
{ {{- $first := true }}{{ range $key, $value := . }}{{ if not (kindIs "invalid" $value) }}{{ if not $first }}, {{ else }} {{ end }}{{ $first = false }}{{ include "moorage.tomlKey" $key }} = {{ include "moorage.tomlValue" $value }}{{ end }}{{ end }}{{ if not $first }} {{ end }}}
{{- else if kindIs "slice" . -}}
[{{ range $at, $value := . }}{{ if $at }}, {{ end }}{{ include "moorage.tomlValue" $value }}{{ end }}]
{{- else if kindIs "string" . -}}
{{ toRawJson . }}
{{- else if and (kindIs "float64" .) (eq (floor .) .) -}}
{{ int64 . }}
{{- else -}}
{{ . }}
{{- end -}}
{{- end }}

{{- define "moorage.tomlKey" -}}
{{ ternary . (toRawJson .) (regexMatch "^[A-Za-z0-9_-]+$" .) }}
{{- end }}

{{/* A document: (dict "at" "" "table" {…}). Plain values first, then its tables, each under its own header. */}}
{{- define "moorage.toml" -}}
{{- $at := .at -}}
{{- $table := .table -}}
{{- range $key, $value := $table -}}
{{- if not (or (kindIs "map" $value) (kindIs "invalid" $value)) }}
{{ include "moorage.tomlKey" $key }} = {{ include "moorage.tomlValue" $value }}
{{- end -}}
{{- end -}}
{{- range $key, $value := $table -}}
{{- if kindIs "map" $value -}}
{{- $name := include "moorage.tomlKey" $key -}}
{{- $path := ternary $name (printf "%s.%s" $at $name) (eq $at "") }}

[{{ $path }}]
{{- include "moorage.toml" (dict "at" $path "table" $value) -}}
{{- end -}}
{{- end -}}
{{- end }}
