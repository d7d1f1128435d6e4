{{/* A program's ServiceAccount. Its token is in no pod but the autoscaler's. */}}
{{- define "moorage.serviceAccount" -}}
{{- $account := (index .root.Values .component).serviceAccount -}}
{{- if $account.create -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "moorage.serviceAccountName" . }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "moorage.labels" . | nindent 4 }}
  {{- with $account.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}
{{- end }}

{{/* A claim for a volume: (dict "root" $ "component" "valkey" "persistence" {…}). */}}
{{- define "moorage.claim" -}}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ include "moorage.fullname" .root }}-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "moorage.labels" . | nindent 4 }}
  {{- if .persistence.keep }}
  annotations: {helm.sh/resource-policy: keep}
  {{- end }}
spec:
  accessModes: [ReadWriteOnce]
  {{- with .persistence.storageClass }}
  storageClassName: {{ ternary "" . (eq . "-") | quote }}
  {{- end }}
  resources:
    requests: {storage: {{ .persistence.size }}}
{{- end }}

{{/* The volume of /data: a claim, or scratch. As moorage.claim. */}}
{{- define "moorage.dataVolume" -}}
{{- if .persistence.enabled -}}
persistentVolumeClaim: {claimName: {{ default (printf "%s-%s" (include "moorage.fullname" .root) .component) .persistence.existingClaim }}}
{{- else -}}
emptyDir: {sizeLimit: {{ .persistence.size }}}
{{- end }}
{{- end }}
