{{/* Signing keys, and each pool's join key as a file named like the pool. What goes from a Secret goes from the volume too. */}}
{{- define "moorage.controlplaneVolumes" -}}
- name: signing
  secret: {secretName: {{ include "moorage.signingSecretName" . }}, defaultMode: 0440}
- name: join
  projected:
    defaultMode: 0440
    sources:
      {{- range $key, $pool := include "moorage.pools" . | fromYaml }}
      {{- $from := include "moorage.joinSecret" (dict "root" $ "key" $key "pool" $pool) | fromJson }}
      - secret:
          name: {{ $from.name }}
          items: [{key: {{ $from.key | quote }}, path: {{ $key | quote }}}]
      {{- else }} []
      {{- end }}
{{- end }}
