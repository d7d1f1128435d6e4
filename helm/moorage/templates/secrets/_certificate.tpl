{{/* {dns, addresses} of the gateways' certificate, as JSON. A public authority signs no names of a cluster's inside: those are in where
     the certificate is made here, and where there is no public name at all. */}}
{{- define "moorage.certificateNames" -}}
{{- $host := include "moorage.publicHost" . -}}
{{- $service := printf "%s-gateway" (include "moorage.fullname" .) -}}
{{- $said := default list .Values.tls.dnsNames -}}
{{- if .Values.ingress.enabled }}{{ $said = append $said .Values.ingress.host }}{{ end -}}
{{- if .Values.gatewayApi.enabled }}{{ $said = concat $said (default list .Values.gatewayApi.hostnames) }}{{ end -}}
{{- if ne $host (include "moorage.host" (dict "root" . "name" "gateway")) }}{{ $said = prepend $said $host }}{{ end -}}
{{- $said = without $said "" -}}
{{- $inside := list (include "moorage.host" (dict "root" . "name" "gateway")) (printf "%s.%s.svc" $service .Release.Namespace) (printf "%s.%s" $service .Release.Namespace) $service -}}
{{- if eq (include "moorage.tlsMode" .) "generated" -}}
{{- $said = concat $said $inside (list "localhost" "127.0.0.1") -}}
{{- else if not $said -}}
{{- $said = $inside -}}
{{- end -}}
{{- $dns := list -}}
{{- $addresses := list -}}
{{- range uniq $said -}}
{{- if or (contains ":" .) (regexMatch "^[0-9.]+$" .) }}{{ $addresses = append $addresses . }}{{ else }}{{ $dns = append $dns . }}{{ end -}}
{{- end -}}
{{ dict "dns" $dns "addresses" $addresses | toJson }}
{{- end }}
