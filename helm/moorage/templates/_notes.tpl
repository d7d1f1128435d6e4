{{/* What NOTES.txt warns of, as a YAML list of sentences. */}}
{{- define "moorage.notForProduction" -}}
{{- if include "moorage.bundledValkey" . }}
- "One Valkey without a replica{{ if not .Values.valkey.persistence.enabled }} or a volume{{ end }} holds the fleet's state: while its pod is away nobody new is placed. redis.url, redis.existingSecret"
{{- end }}
{{- $limit := include "moorage.bytes" (dig "limits" "memory" "" .Values.valkey.resources | toString) | float64 }}
{{- if and (include "moorage.bundledValkey" .) $limit (gt (include "moorage.bytes" .Values.valkey.maxMemory | float64) (divf $limit 2)) }}
- "Valkey may fill more than half of its memory, and needs the rest to rewrite its log. valkey.maxMemory, valkey.resources"
{{- end }}
{{- if not (include "moorage.postgresql" .) }}
- "SQLite {{ ternary "on one volume" "without a volume, gone with its pod," .Values.controlplane.persistence.enabled }} allows one control plane: REST is away while it restarts. database.url, database.existingSecret"
{{- end }}
{{- if eq (include "moorage.tlsMode" .) "generated" }}
- "The gateways' certificate was made here, and only who has its ca.crt trusts it. tls.mode"
{{- else if and (not (include "moorage.tls" .)) (hasPrefix "ws://" (include "moorage.publicUrl" .)) }}
- "Clients connect without TLS: tokens and messages can be read on the way. tls.mode, ingress, gatewayApi"
{{- end }}
{{- if eq (include "moorage.publicUrl" .) (include "moorage.clusterUrl" .) }}
- "Clients are told an address that only this cluster knows. publicUrl, ingress, gatewayApi, gateway.service.type"
{{- end }}
{{- $trust := default dict (dig "gateway" "trust" dict (default dict .Values.settings)) }}
{{- if and (or .Values.ingress.enabled .Values.gatewayApi.enabled) (not $trust.trusted_proxies) (not $trust.proxy_protocol_from) }}
- "Gateways take whoever brings the clients for the client: all of them share one address's limits. settings.gateway.trust.trusted_proxies"
{{- end }}
{{- if lt (int .Values.gateway.replicas) 2 }}
- "One gateway: while it restarts nobody can connect. gateway.replicas"
{{- end }}
{{- if not .Values.networkPolicy.enabled }}
- "Everything in the cluster reaches the links, the store and the workers. networkPolicy.enabled"
{{- end }}
{{- if not (or .Values.adminKey.existingSecret .Values.signing.existingSecret) }}
- "Keys were made by Helm, which keeps them by looking at the cluster: a tool that only renders the chart would make new ones each time, so give it existing Secrets. adminKey, signing, redis, pools.<name>.joinKey"
{{- end }}
{{- range $key, $pool := include "moorage.pools" . | fromYaml }}
{{- if hasSuffix "moorage-example-worker" $pool.image.repository }}
- "Pool {{ $key }} is the example, which sends back what it hears. pools"
{{- end }}
{{- end }}
{{- end }}

{{/* What stays in the cluster after `helm uninstall`, as a YAML list of sentences. */}}
{{- define "moorage.leftBehind" -}}
{{- $fullname := include "moorage.fullname" . -}}
{{- $kept := list -}}
{{- if and (include "moorage.bundledValkey" .) .Values.valkey.persistence.enabled .Values.valkey.persistence.keep (not .Values.valkey.persistence.existingClaim) -}}
{{- $kept = append $kept (printf "PersistentVolumeClaim %s-valkey, the fleet's state" $fullname) -}}
{{- end -}}
{{- if and (not (include "moorage.postgresql" .)) .Values.controlplane.persistence.enabled .Values.controlplane.persistence.keep (not .Values.controlplane.persistence.existingClaim) -}}
{{- $kept = append $kept (printf "PersistentVolumeClaim %s-controlplane, accounts, keys and bills in SQLite" $fullname) -}}
{{- end -}}
{{- if eq (include "moorage.tlsMode" .) "certManager" -}}
{{- $kept = append $kept (printf "Secret %s, the certificate, which cert-manager keeps" (include "moorage.tlsSecretName" .)) -}}
{{- end -}}
{{- if include "moorage.autoscales" . -}}
{{- $kept = append $kept (printf "Lease %s-autoscaler, which holds nothing: it says who led" $fullname) -}}
{{- end -}}
{{ toYaml $kept }}
{{- end }}
