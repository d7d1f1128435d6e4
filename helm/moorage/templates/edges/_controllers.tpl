{{/* What an Ingress controller must be told for long connections, by the name of its class, as YAML; "" for one that we do not know:
     (dict "root" $ "service" "x-gateway" "tls" true). Unknown annotations do nothing: NGINX's two controllers share a class. */}}
{{- define "moorage.controller" -}}
{{- $class := .root.Values.ingress.className -}}
{{- if contains "nginx" $class -}}
nginx.ingress.kubernetes.io/proxy-read-timeout: "3600"
nginx.ingress.kubernetes.io/proxy-send-timeout: "3600"
nginx.ingress.kubernetes.io/proxy-buffering: "off"
nginx.org/proxy-read-timeout: 3600s
nginx.org/proxy-send-timeout: 3600s
nginx.org/websocket-services: {{ .service }}
{{- if .tls }}
nginx.ingress.kubernetes.io/backend-protocol: HTTPS
nginx.org/ssl-services: {{ .service }}
{{- end }}
{{- else if contains "haproxy" $class -}}
haproxy.org/timeout-tunnel: 1h
{{- if .tls }}
haproxy.org/server-ssl: "true"
{{- end }}
{{- else if contains "alb" $class -}}
alb.ingress.kubernetes.io/load-balancer-attributes: idle_timeout.timeout_seconds=3600
alb.ingress.kubernetes.io/target-type: ip
alb.ingress.kubernetes.io/target-group-attributes: deregistration_delay.timeout_seconds={{ int .root.Values.drainSeconds }}
alb.ingress.kubernetes.io/healthcheck-protocol: HTTP
alb.ingress.kubernetes.io/healthcheck-port: "7402"
alb.ingress.kubernetes.io/healthcheck-path: /readyz
alb.ingress.kubernetes.io/backend-protocol: {{ ternary "HTTPS" "HTTP" .tls }}
{{- end -}}
{{- end }}

{{/* An Ingress of one host: (dict "root" $ "name" "clients" "host" "…" "component" "gateway" "tls" true). */}}
{{- define "moorage.ingress" -}}
{{- $service := printf "%s-%s" (include "moorage.fullname" .root) .component -}}
{{- $told := include "moorage.controller" (dict "root" .root "service" $service "tls" .tls) | fromYaml }}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ include "moorage.fullname" .root }}-{{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "moorage.labels" . | nindent 4 }}
  {{- with merge dict (default dict .root.Values.ingress.annotations) $told }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .root.Values.ingress.className }}
  ingressClassName: {{ . }}
  {{- end }}
  {{- with .root.Values.ingress.tlsSecretName }}
  tls:
    - hosts: [{{ $.host | quote }}]
      secretName: {{ . }}
  {{- end }}
  rules:
    - host: {{ .host | quote }}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: {{ $service }}
                port:
                  number: {{ (index .root.Values .component).service.port }}
{{ end }}

{{/* What NOTES.txt says of long connections through the Ingress: what the chart cannot say on it. */}}
{{- define "moorage.longConnections" -}}
{{- $class := .Values.ingress.className -}}
{{- if contains "nginx" $class }}
  its ConfigMap: worker-shutdown-timeout: 3600s, or each reload cuts what is open after 240 s
{{- else if contains "haproxy" $class }}
  its ConfigMap: hard-stop-after: 1h, for its reloads
{{- else if contains "alb" $class }}
  networkPolicy.metricsFrom with its subnets' CIDRs, for its health checks at 7402; nothing more: idle time-out, health check and deregistration are said on the Ingress
{{- else if contains "traefik" $class }}
  its entry point: transport.lifeCycle.graceTimeOut, for its restarts
{{- if include "moorage.tls" . }}
  gateway.service.annotations: traefik.ingress.kubernetes.io/service.serversscheme: https, and a ServersTransport that trusts the certificate
{{- end }}
{{- else if contains "gce" $class }}
  a BackendConfig with timeoutSec: 86400 (30 s otherwise, and it cuts busy connections too), connectionDraining.drainingTimeoutSec: {{ int .Values.drainSeconds }}
  and healthCheck {port: 7402, requestPath: /readyz}; gateway.service.annotations: cloud.google.com/backend-config: '{"default": "<its name>"}'
  networkPolicy.metricsFrom with 35.191.0.0/16 and 130.211.0.0/22, for its health checks
{{- else }}
  the chart does not know class {{ default "(the cluster's default)" $class | quote }}: allow idle connections of 60 s and more, and none a longest time
{{- if include "moorage.tls" . }}
  and have it speak TLS to the gateways: tls.mode is {{ include "moorage.tlsMode" . }}
{{- end }}
{{- end }}
  more: helm/moorage/README.md, Ingress controllers and long connections
{{- end }}
