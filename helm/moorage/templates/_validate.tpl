{{/* Values that contradict each other stop here, each with one sentence. What one value alone may be is in values.schema.json. */}}
{{- define "moorage.validate" -}}
{{- end }}
