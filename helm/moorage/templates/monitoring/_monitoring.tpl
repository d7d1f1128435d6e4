{{/* What the templates of this folder ask more than once. */}}

{{/* Components that serve metrics at 7402, as a JSON list. */}}
{{- define "moorage.observed" -}}
{{- $observed := list "gateway" "controlplane" -}}
{{- if include "moorage.autoscales" . }}{{ $observed = append $observed "autoscaler" }}{{ end -}}
{{ toJson $observed }}
{{- end }}

{{/* A rule file of alerts/ for this release: it is written for the namespace `moorage`. (dict "root" $ "file" a path) */}}
{{- define "moorage.ruleFile" -}}
{{ .root.Files.Get .file | replace "namespace=\"moorage\"" (printf "namespace=%q" .root.Release.Namespace) }}
{{- end }}

{{/* Refuses a severity for an alert that is not there: a misspelt one would silence nothing, and nobody would know. */}}
{{- define "moorage.checkSeverities" -}}
{{- $names := list -}}
{{- range $path, $_ := .Files.Glob "alerts/*.yaml" }}
  {{- range (fromYaml (include "moorage.ruleFile" (dict "root" $ "file" $path))).groups }}
    {{- range .rules }}{{ with .alert }}{{ $names = append $names . }}{{ end }}{{ end }}
  {{- end }}
{{- end }}
{{- range $name, $_ := .Values.monitoring.prometheusRule.severities }}
  {{- if not (has $name $names) }}
    {{- fail (printf "monitoring.prometheusRule.severities names %s, and there is no such alert; there are %s" $name (join ", " (sortAlpha $names))) }}
  {{- end }}
{{- end }}
{{- end }}
