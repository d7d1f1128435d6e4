{{/* Values that contradict each other stop here, each with one sentence: what was said, and what may be said instead.
     What one value by itself may be is in values.schema.json. */}}
{{- define "moorage.validate" -}}
{{- include "moorage.validateNames" . -}}
{{- include "moorage.validateStores" . -}}
{{- include "moorage.validateKeys" . -}}
{{- include "moorage.validateService" . -}}
{{- include "moorage.validateSettings" . -}}
{{- include "moorage.validatePools" . -}}
{{- end }}

{{- define "moorage.validateNames" -}}
{{- $fullname := include "moorage.fullname" . -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $fullname) -}}
{{- fail (printf "objects would be called %s-…, which no Service may be: small letters, digits and dashes, a letter first; set fullnameOverride" $fullname) -}}
{{- end -}}
{{- end }}

{{- define "moorage.validateStores" -}}
{{- if and (gt (int .Values.controlplane.replicas) 1) (not (include "moorage.postgresql" .)) -}}
{{- fail (printf "controlplane.replicas is %d, and SQLite has one writer: name a PostgreSQL in database.url or database.existingSecret, or take 1" (int .Values.controlplane.replicas)) -}}
{{- end -}}
{{- if not (or .Values.valkey.enabled .Values.redis.url .Values.redis.existingSecret) -}}
{{- fail "valkey.enabled is false, and no other store is named: set redis.url or redis.existingSecret" -}}
{{- end -}}
{{- if include "moorage.bundledValkey" . -}}
{{- $data := include "moorage.bytes" .Values.valkey.maxMemory | float64 -}}
{{- $limit := include "moorage.bytes" (dig "limits" "memory" "" .Values.valkey.resources | toString) | float64 -}}
{{- if and $limit (ge $data $limit) -}}
{{- fail (printf "valkey.maxMemory is %s, and valkey.resources.limits.memory %v: full of data it would be killed; keep the first under half of the second" .Values.valkey.maxMemory .Values.valkey.resources.limits.memory) -}}
{{- end -}}
{{- end -}}
{{- range $store := list "redis" "database" -}}
{{- if and (index $.Values $store).url (index $.Values $store).existingSecret -}}
{{- fail (printf "%s.url and %s.existingSecret are both set: say which of both you mean" $store $store) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "moorage.validateKeys" -}}
{{- if and (eq (include "moorage.tlsMode" .) "secret") (not .Values.tls.secretName) -}}
{{- fail "tls.mode is secret, which needs tls.secretName, a Secret of type kubernetes.io/tls" -}}
{{- end -}}
{{- if and (eq (include "moorage.tlsMode" .) "certManager") (not .Values.tls.issuerRef.name) -}}
{{- fail "tls.mode is certManager, which needs tls.issuerRef.name, the issuer that signs" -}}
{{- end -}}
{{- if and (or .Values.signing.current .Values.signing.next .Values.signing.retiring) (not .Values.signing.existingSecret) -}}
{{- fail "signing.current, next and retiring name keys of signing.existingSecret, which is not set" -}}
{{- end -}}
{{- if and .Values.autoscaler.prometheus.existingSecret (not .Values.autoscaler.prometheus.urls) -}}
{{- fail "autoscaler.prometheus.existingSecret is set, and autoscaler.prometheus.urls is empty: nobody is asked" -}}
{{- end -}}
{{- end }}

{{- define "moorage.validateService" -}}
{{- $service := .Values.gateway.service -}}
{{- if and (eq $service.type "ClusterIP") (or $service.nodePort $service.externalTrafficPolicy) -}}
{{- fail "gateway.service.nodePort and externalTrafficPolicy need gateway.service.type NodePort or LoadBalancer" -}}
{{- end -}}
{{- if and (ne $service.type "LoadBalancer") (or $service.loadBalancerClass $service.loadBalancerSourceRanges) -}}
{{- fail "gateway.service.loadBalancerClass and loadBalancerSourceRanges need gateway.service.type LoadBalancer" -}}
{{- end -}}
{{- end }}

{{/* Settings that the chart itself decides: one said twice would be two truths. */}}
{{- define "moorage.validateSettings" -}}
{{- $ours := dict
      "data" "" "host" "" "admin_key" "adminKey.existingSecret" "join_key" "pools.<name>.joinKey" "log_level" "logLevel" "log_format" ""
      "gateway.host" "" "gateway.port" "gateway.service.port" "gateway.link_host" "" "gateway.link_port" "" "gateway.dialout_port" ""
      "gateway.node" "publicUrl" "gateway.tls" "tls" "gateway.link_tls" "tls.linkSecretName" "gateway.drain_seconds" "drainSeconds"
      "store.url" "redis.url or redis.existingSecret" "observe" "" "workers" "pools" "up" "pools" "signing" "signing"
      "controlplane.host" "" "controlplane.port" "controlplane.service.port" "controlplane.database_url" "database.url or database.existingSecret"
      "controlplane.node_url" "publicUrl" "controlplane.join_keys" "pools.<name>.joinKey"
      "autoscaler.policy" "autoscaler.policyDefaults and pools.<name>.policy" "autoscaler.kubeconfig" "" "autoscaler.lease" "" "autoscaler.lease_namespace" "" -}}
{{- range $name, $instead := $ours -}}
{{- $at := splitList "." $name -}}
{{- $table := default dict $.Values.settings -}}
{{- if gt (len $at) 1 -}}
{{- $table = default dict (get (default dict $.Values.settings) (first $at)) -}}
{{- end -}}
{{- if and (kindIs "map" $table) (hasKey $table (last $at)) -}}
{{- fail (printf "settings.%s is decided by the chart%s" $name (ternary ", and cannot be set" (printf ": set %s" $instead) (empty $instead))) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "moorage.validatePools" -}}
{{- $places := dict -}}
{{- range $key, $pool := include "moorage.pools" . | fromYaml -}}
{{- $name := include "moorage.poolName" (dict "root" $ "key" $key) -}}
{{- if not (regexMatch "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" $key) -}}
{{- fail (printf "pools.%s is no DNS label: small letters, digits and dashes; what Moorage calls it is pools.<name>.pool" $key) -}}
{{- end -}}
{{- if gt (len $name) 52 -}}
{{- fail (printf "pools.%s is too long: its Deployment %s may have 52 letters, and has %d; take a shorter fullnameOverride, or a shorter key: what Moorage calls it is pools.<name>.pool" $key $name (len $name)) -}}
{{- end -}}
{{- range $field := list "pool" "region" -}}
{{- if not (regexMatch "^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$" (index $pool $field)) -}}
{{- fail (printf "pools.%s.%s is %q: it is a label's value too, so letters, digits, and . _ - between them, 63 at most" $key $field (index $pool $field)) -}}
{{- end -}}
{{- end -}}
{{- if gt (int $pool.minimum) (int $pool.maximum) -}}
{{- fail (printf "pools.%s.minimum is %d, and its maximum %d" $key (int $pool.minimum) (int $pool.maximum)) -}}
{{- end -}}
{{- if and $pool.policy (ne $pool.scaling "builtin") -}}
{{- fail (printf "pools.%s has a policy, which only scaling builtin reads, and its scaling is %s" $key $pool.scaling) -}}
{{- end -}}
{{- range $field := list "region" "pool" "slots" "labels" "minimum" "maximum" "target" -}}
{{- if hasKey $pool.policy $field -}}
{{- fail (printf "pools.%s.policy.%s is decided by the chart%s" $key $field (ternary "" (printf ": set pools.%s.%s" $key $field) (eq $field "target"))) -}}
{{- end -}}
{{- end -}}
{{- if and $pool.dialOut $.Values.tls.linkSecretName -}}
{{- fail (printf "pools.%s.dialOut cannot be with tls.linkSecretName: a worker that dials out is given the address of one gateway's pod, which no certificate has" $key) -}}
{{- end -}}
{{- $place := printf "%s/%s" $pool.region $pool.pool -}}
{{- if hasKey $places $place -}}
{{- fail (printf "pools.%s and pools.%s are both pool %s in region %s: one Deployment each" (get $places $place) $key $pool.pool $pool.region) -}}
{{- end -}}
{{- $_ := set $places $place $key -}}
{{- end -}}
{{- end }}

{{/* Bytes of Kubernetes' 640Mi and of Valkey's 256mb, which are 1024 x 1024 both; 0 for "". */}}
{{- define "moorage.bytes" -}}
{{- $number := regexFind "^[0-9.]+" . | default "0" | float64 -}}
{{- $unit := regexReplaceAll "^[0-9.]+" . "" -}}
{{- $each := dict "" 1 "k" 1000 "m" 1000000 "g" 1000000000 "M" 1000000 "G" 1000000000 "kb" 1024 "mb" 1048576 "gb" 1073741824 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- printf "%.0f" (mulf $number (get $each $unit | default 1)) -}}
{{- end }}
