{{/* What a worker is told, whatever its language: (dict "root" $ "key" "example" "pool" $pool). */}}
{{- define "moorage.workerEnvironment" -}}
- {name: MOORAGE_LINK, value: {{ include "moorage.link" .root | quote }}}
- {name: MOORAGE_POOL, value: {{ .pool.pool | quote }}}
- {name: MOORAGE_REGION, value: {{ .pool.region | quote }}}
- {name: MOORAGE_JOIN_KEY_FILE, value: /etc/moorage/join/join.key}
- {name: MOORAGE_WORKER_SLOTS, value: {{ .pool.slots | quote }}}
- {name: MOORAGE_WORKER_DRAIN_SECONDS, value: {{ .pool.drainSeconds | quote }}}
- {name: MOORAGE_WORKER_HOST, value: {{ .root.Values.listenAddress | quote }}}
- {name: MOORAGE_WORKER_PORT, value: {{ .pool.port | quote }}}
- {name: MOORAGE_LOG_LEVEL, value: {{ .root.Values.logLevel }}}
- {name: MOORAGE_LOG_FORMAT, value: json}
{{- if .pool.dialOut }}
- {name: MOORAGE_WORKER_ADDRESS, value: dial-out}
{{- end }}
{{- with .pool.labels }}
{{- $pairs := list }}
{{- range $name, $value := . }}{{ $pairs = append $pairs (printf "%s=%s" $name (toString $value)) }}{{ end }}
- {name: MOORAGE_WORKER_LABELS, value: {{ join "," $pairs | quote }}}
{{- end }}
{{- if .root.Values.tls.linkSecretName }}
- {name: MOORAGE_LINK_CA_FILE, value: /etc/moorage/link/ca.crt}
{{- end }}
{{ include "moorage.podIdentity" .root }}
- {name: MOORAGE_POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
{{- end }}
