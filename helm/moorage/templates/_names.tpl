{{/* Names, labels and images: what an object is called and who it belongs to. */}}

{{- define "moorage.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* <release>-moorage, or the release alone where it has the name in it. At most 36 characters: a pool's Deployment may have 52, a Service's name 63. */}}
{{- define "moorage.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 36 | trimSuffix "-" -}}
{{- end }}

{{/* What selects the pods of one component: (dict "root" $ "component" "gateway"). */}}
{{- define "moorage.selector" -}}
app.kubernetes.io/name: {{ include "moorage.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Labels of an object: (dict "root" $ "component" "gateway"). Not for selectors: the version is in them. */}}
{{- define "moorage.labels" -}}
{{ include "moorage.selector" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Labels of pods. No version is in them: a chart that changes nothing about a pod must not restart it. */}}
{{- define "moorage.podLabels" -}}
{{ include "moorage.selector" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The selector of one pool's pods: (dict "root" $ "pool" $pool), $pool of moorage.pools. */}}
{{- define "moorage.poolSelector" -}}
{{ include "moorage.selector" (dict "root" .root "component" "worker") }}
moorage.dev/pool: {{ .pool.pool | quote }}
moorage.dev/region: {{ .pool.region | quote }}
{{- end }}

{{- define "moorage.poolLabels" -}}
{{ include "moorage.labels" (dict "root" .root "component" "worker") }}
moorage.dev/pool: {{ .pool.pool | quote }}
moorage.dev/region: {{ .pool.region | quote }}
{{- end }}

{{/* The Deployment of a pool: (dict "root" $ "key" "example"). */}}
{{- define "moorage.poolName" -}}
{{ include "moorage.fullname" .root }}-pool-{{ .key }}
{{- end }}

{{/* An image's reference: (dict "root" $ "image" {repository, tag, digest}). An empty tag is appVersion. */}}
{{- define "moorage.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ default .root.Chart.AppVersion .image.tag }}
{{- end }}
{{- end }}

{{/* As moorage.image; where no repository is named, that of `image`, whole. */}}
{{- define "moorage.imageOrOurs" -}}
{{- include "moorage.image" (dict "root" .root "image" (ternary .image .root.Values.image (not (empty .image.repository)))) -}}
{{- end }}

{{/* Of a program: (dict "root" $ "component" "gateway"). */}}
{{- define "moorage.serviceAccountName" -}}
{{- $account := (index .root.Values .component).serviceAccount -}}
{{- if $account.create -}}
{{ default (printf "%s-%s" (include "moorage.fullname" .root) .component) $account.name }}
{{- else -}}
{{ default "default" $account.name }}
{{- end }}
{{- end }}
