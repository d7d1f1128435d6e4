{{/* Without its password, which the Secret adds: a checksum of this one changes only with what is said here. */}}
{{- define "moorage.valkeyConfig" -}}
bind * -::*
port 6379
protected-mode yes
dir /data
# A claim that was granted is on disk within a second.
appendonly yes
appendfsync everysec
save ""
# Nothing is ever thrown away to make room: new placements are refused instead.
maxmemory {{ .Values.valkey.maxMemory }}
maxmemory-policy noeviction
tcp-keepalive 30
{{- end }}
