{{/* What pods have in common, so that each program's template says only what is its own. */}}

{{/* Passes the `restricted` Pod Security Standard. */}}
{{- define "moorage.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "moorage.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "moorage.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Where a pod may run: (dict "values" .Values.gateway). */}}
{{- define "moorage.placement" -}}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Over zones and nodes, each revision by itself: (dict "when" "ScheduleAnyway" "selector" "labels as YAML"). */}}
{{- define "moorage.spread" -}}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: {{ $.when }}
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels: {{- $.selector | nindent 8 }}
  {{- end }}
{{- end }}

{{/* Which pod this is. */}}
{{- define "moorage.podIdentity" -}}
- {name: MOORAGE_POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
- {name: MOORAGE_POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
- {name: MOORAGE_POD_UID, valueFrom: {fieldRef: {fieldPath: metadata.uid}}}
{{- end }}

{{/* A variable from a Secret: (dict "name" "MOORAGE_STORE__URL" "from" {name, key}). */}}
{{- define "moorage.secretVariable" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef: {name: {{ .from.name }}, key: {{ .from.key }}}
{{- end }}

{{- define "moorage.programEnvironment" -}}
- {name: MOORAGE_CONFIG, value: /etc/moorage/moorage.toml}
- {name: MOORAGE_DATA, value: /data}
- {name: MOORAGE_HOST, value: {{ .Values.listenAddress | quote }}}
- {name: MOORAGE_LOG_FORMAT, value: json}
- {name: MOORAGE_LOG_LEVEL, value: {{ .Values.logLevel }}}
{{ include "moorage.podIdentity" . }}
{{ include "moorage.secretVariable" (dict "name" "MOORAGE_STORE__URL" "from" (include "moorage.storeSecret" . | fromJson)) }}
{{- end }}

{{/* Liveness is not readiness: a program that waits for its store is alive. A start may take two minutes. (dict "port" "observe" "misses" 2); a worker's
misses are many: its handlers may block for seconds, and a ReplicaSet that shrinks takes pods that are not ready first. */}}
{{- define "moorage.probes" -}}
startupProbe:
  httpGet: {path: /livez, port: {{ .port }}}
  periodSeconds: 1
  timeoutSeconds: 3
  failureThreshold: 120
livenessProbe:
  httpGet: {path: /livez, port: {{ .port }}}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: {{ .port }}}
  periodSeconds: 2
  timeoutSeconds: 3
  failureThreshold: {{ .misses }}
{{- end }}

{{- define "moorage.scrapeAnnotations" -}}
{{- if .Values.monitoring.annotations -}}
prometheus.io/scrape: "true"
prometheus.io/port: "7402"
prometheus.io/path: /metrics
{{- end }}
{{- end }}

{{/* The template of gateway's, controlplane's and autoscaler's pods. All but root, component are YAML texts, and may be empty:
     (dict "root" $ "component" "gateway" "ports" … "environment" … "mounts" … "volumes" … "data" a volume's source
     "stopSeconds" a number "lingerSeconds" a number "token" a boolean "observed" YAML whose checksum rolls the pods). */}}
{{- define "moorage.programPod" -}}
{{- $root := .root -}}
{{- $own := index $root.Values .component -}}
metadata:
  labels: {{- include "moorage.podLabels" (dict "root" $root "component" .component) | nindent 4 }}
    {{- with $own.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  annotations:
    kubectl.kubernetes.io/default-container: {{ .component }}
    checksum/config: {{ .observed | sha256sum }}
    {{- with include "moorage.scrapeAnnotations" $root }}{{ . | nindent 4 }}{{ end }}
    {{- with $own.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  serviceAccountName: {{ include "moorage.serviceAccountName" (dict "root" $root "component" .component) }}
  automountServiceAccountToken: {{ .token }}
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .stopSeconds }}
  securityContext: {{- include "moorage.podSecurity" $root | nindent 4 }}
  {{- with include "moorage.pullSecrets" $root }}{{ . | nindent 2 }}{{ end }}
  {{- with include "moorage.placement" (dict "values" $own) }}{{ . | nindent 2 }}{{ end }}
  {{- include "moorage.spread" (dict "when" $own.topologySpread "selector" (include "moorage.selector" .)) | nindent 2 }}
  containers:
    - name: {{ .component }}
      image: {{ include "moorage.image" (dict "root" $root "image" $root.Values.image) }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      terminationMessagePolicy: FallbackToLogsOnError
      args: [{{ .component }}]
      securityContext: {{- include "moorage.containerSecurity" $root | nindent 8 }}
      env: {{- include "moorage.programEnvironment" $root | nindent 8 }}
        {{- with .environment }}{{ . | nindent 8 }}{{ end }}
        {{- with $own.env }}{{ toYaml . | nindent 8 }}{{ end }}
      ports:
        - {name: observe, containerPort: 7402}
        {{- with .ports }}{{ . | nindent 8 }}{{ end }}
      {{- include "moorage.probes" (dict "port" "observe" "misses" 2) | nindent 6 }}
      {{- if .lingerSeconds }}
      # Endpoints are told of a stop, not asked: what still comes meanwhile is served.
      lifecycle: {preStop: {exec: {command: [sleep, {{ .lingerSeconds | quote }}]}}}
      {{- end }}
      resources: {{- toYaml $own.resources | nindent 8 }}
      volumeMounts:
        - {name: config, mountPath: /etc/moorage/moorage.toml, subPath: moorage.toml, readOnly: true}
        - {name: data, mountPath: /data}
        - {name: tmp, mountPath: /tmp}
        {{- with .mounts }}{{ . | nindent 8 }}{{ end }}
        {{- with $own.volumeMounts }}{{ toYaml . | nindent 8 }}{{ end }}
  volumes:
    - name: config
      configMap:
        name: {{ include "moorage.fullname" $root }}-{{ .component }}
    - name: data
      {{- .data | nindent 6 }}
    - name: tmp
      emptyDir: {sizeLimit: 64Mi}
    {{- with .volumes }}{{ . | nindent 4 }}{{ end }}
    {{- with $own.volumes }}{{ toYaml . | nindent 4 }}{{ end }}
{{- end }}

{{- define "moorage.scratch" -}}
emptyDir: {sizeLimit: 64Mi}
{{- end }}
