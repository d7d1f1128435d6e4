{{/* Pods of this release: (dict "root" $ "components" (list "gateway")); without components, all of them. */}}
{{- define "moorage.pods" -}}
matchLabels:
  app.kubernetes.io/name: {{ include "moorage.name" .root }}
  app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .labels }}
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .components }}
matchExpressions:
  - {key: app.kubernetes.io/component, operator: In, values: {{ toJson . }}}
{{- end }}
{{- end }}

{{/* The ports of a rule: (list 7400 7403), or names. */}}
{{- define "moorage.ports" -}}
{{- range . }}
- {protocol: TCP, port: {{ ternary . (. | toString | atoi) (kindIs "string" .) }}}
{{- end }}
{{- end }}

{{/* CIDRs as peers. */}}
{{- define "moorage.blocks" -}}
{{- range . }}
- ipBlock: {cidr: {{ . | quote }}}
{{- end }}
{{- end }}

{{/* Egress rules to DNS. */}}
{{- define "moorage.dnsRule" -}}
{{- if .Values.networkPolicy.dns -}}
{{ toYaml .Values.networkPolicy.dns }}
{{- else -}}
- ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
{{- end }}
{{- end }}

{{/* Ports of your PostgreSQL, as JSON. */}}
{{- define "moorage.databasePorts" -}}
{{ include "moorage.portsOf" (dict "url" .Values.database.url "otherwise" .Values.networkPolicy.databasePorts) }}
{{- end }}

{{/* One arrow as the policies of its two ends:
       root, name, says    what it is called and what it is for
       from, to            components of this release: each end that is ours gets a policy
       fromLabels          of the pods at the one end, and
       toLabels            at the other, beside their component
       peers               YAML of NetworkPolicyPeers: the end that is not ours; "" is everybody
       ports */}}
{{- define "moorage.arrow" -}}
{{- $pods := dict "from" (dict "root" .root "components" .from "labels" .fromLabels) "to" (dict "root" .root "components" .to "labels" .toLabels) -}}
{{- range $end := list "from" "to" }}
{{- if index $ $end }}
{{- $other := ternary "to" "from" (eq $end "from") }}
{{- $way := ternary "egress" "ingress" (eq $end "from") }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "moorage.fullname" $.root }}-{{ $.name }}-{{ ternary "out" "in" (eq $end "from") }}
  namespace: {{ $.root.Release.Namespace }}
  labels:
    {{- include "moorage.labels" (dict "root" $.root "component" "network") | nindent 4 }}
  annotations:
    moorage.dev/arrow: {{ $.says | quote }}
spec:
  podSelector:
    {{- include "moorage.pods" (index $pods $end) | nindent 4 }}
  policyTypes: [{{ title $way }}]
  {{ $way }}:
    - ports:
        {{- include "moorage.ports" $.ports | trim | nindent 8 }}
      {{- if index $ $other }}
      {{ $other }}:
        - podSelector:
            {{- include "moorage.pods" (index $pods $other) | nindent 12 }}
      {{- else if $.peers }}
      {{ $other }}:
        {{- trim $.peers | nindent 8 }}
      {{- end }}
{{ end }}
{{- end }}
{{- end }}

{{/* Ports in an address, as JSON: (dict "url" "rediss://a:6380,b/0" "otherwise" (list 6379)). */}}
{{- define "moorage.portsOf" -}}
{{- $ports := list -}}
{{- range regexFindAll ":[0-9]+" (regexReplaceAll "^[a-z+]+://([^@/]*@)?([^/?]*).*$" .url "${2}") -1 -}}
{{- $ports = append $ports (trimPrefix ":" . | atoi) -}}
{{- end -}}
{{ concat $ports .otherwise | uniq | toJson }}
{{- end }}
