{{/* What selects the web's pods. A Deployment's selector is immutable: nothing that may change belongs here. */}}
{{- define "pod-labels" -}}
app.kubernetes.io/name: {{ .Chart.Name | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "metadata" -}}
name: {{ .Release.Name | quote }}
namespace: {{ .Release.Namespace | quote }}
labels:
  {{- $managed := dict "app.kubernetes.io/managed-by" .Release.Service }}
  {{- $own := include "pod-labels" . | fromYaml }}
  {{- include "strings" (merge $own $managed (default dict .Values.commonLabels)) | nindent 2 }}
{{- end -}}

{{/* Labels, annotations and variables are text. Not `toString`: helm reads 10000000 as 1e+07. */}}
{{- define "strings" -}}
{{- $strings := dict }}
{{- range $name, $value := . }}
{{- $_ := kindIs "string" $value | ternary $value (toJson $value) | set $strings $name }}
{{- end }}
{{- toYaml $strings }}
{{- end -}}

{{- define "image" -}}
{{- with .Values.image -}}
{{- if eq .digest (printf "sha256:%s" (repeat 64 "0")) -}}
{{- fail "image.digest is not set: render with the image of a deployment, --values image.yaml (it is on the branch env/dev)" -}}
{{- end -}}
{{- .repository }}{{ with .tag }}:{{ . }}{{ end }}@{{ .digest -}}
{{- end -}}
{{- end -}}

{{/* All of a pod but its containers. */}}
{{- define "pod-settings" -}}
serviceAccountName: {{ .Release.Name | quote }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- range $name := list "imagePullSecrets" "priorityClassName" "tolerations" }}
{{- with get $.Values $name }}
{{ dict $name . | toYaml }}
{{- end }}
{{- end }}
{{- /* Where its image runs: elsewhere it would end in `exec format error`. */}}
{{- $nodes := deepCopy (default dict .Values.nodeSelector) }}
{{- if eq (len (default list .Values.image.architectures)) 1 }}
{{- $nodes = merge $nodes (dict "kubernetes.io/arch" (first .Values.image.architectures)) }}
{{- end }}
{{- with $nodes }}
{{ dict "nodeSelector" . | toYaml }}
{{- end }}
securityContext:
  {runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001, fsGroup: 10001, seccompProfile: {type: RuntimeDefault}}
volumes:
  - {name: tmp, emptyDir: {sizeLimit: 32Mi}}
  {{- with .Values.secrets }}
  - name: secrets
    projected:
      defaultMode: 288  # 0440: for the group of the pod's securityContext
      sources:
        {{- range $variable, $secret := . }}
        {{- $secret = kindIs "string" $secret | ternary (dict "name" $secret) $secret }}
        - secret:
            name: {{ $secret.name | quote }}
            items: [{key: {{ $secret.key | default $variable | quote }}, path: {{ $variable | quote }}}]
        {{- end }}
  {{- end }}
  {{- with .Values.volumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "container-settings" -}}
image: {{ include "image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- with .Values.envFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  {{- include "container-security" . | nindent 2 }}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  {{- if .Values.secrets }}
  - {name: secrets, mountPath: /etc/secrets, readOnly: true}
  {{- end }}
  {{- with .Values.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "container-security" -}}
{runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001, readOnlyRootFilesystem: true, privileged: false,
  allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
{{- end -}}

{{/* Containers of the user's; one without a securityContext gets that of the service. */}}
{{- define "containers" -}}
{{- $containers := list }}
{{- range . }}
{{- $secured := include "container-security" . | fromYaml | set (deepCopy .) "securityContext" }}
{{- $containers = hasKey . "securityContext" | ternary . $secured | append $containers }}
{{- end }}
{{- toYaml $containers }}
{{- end -}}

{{- define "env" -}}
{{- range $name, $value := .Values.env }}
- name: {{ $name | quote }}
  {{- kindIs "map" $value | ternary (toYaml $value) (include "strings" (dict "value" $value)) | nindent 2 }}
{{- end }}
{{- range $name, $secret := .Values.secrets }}
{{- if hasKey (default dict $.Values.env) $name }}
{{- fail (printf "%s is in env and in secrets: the variable would win over the secret; remove one of them" $name) }}
{{- end }}
- {name: {{ $name }}_FILE, value: /etc/secrets/{{ $name }}}
{{- end }}
{{- end -}}

{{/* A container with another command: (dict "root" $ "name" "migrate" "command" (list "flask" "db" "upgrade")). */}}
{{- define "command" -}}
name: {{ .name | quote }}
command:
  {{- toYaml .command | nindent 2 }}
{{- with include "env" .root | trim }}
env:
  {{- . | nindent 2 }}
{{- end }}
{{ include "container-settings" .root }}
{{- end -}}

{{/* A pod with another command, for a worker or a cron job, as JSON, which fits at any indentation:
spec: {{ include "pod" (dict "root" . "command" (list "flask" "work") "restartPolicy" "Never") }} */}}
{{- define "pod" -}}
{{- range $name := omit . "root" "name" "command" "restartPolicy" | keys }}
{{- fail (printf "include \"pod\" knows no %q" $name) }}
{{- end }}
{{- $_ := required "include \"pod\" needs a command" .command }}
{{- $container := include "command" (merge (pick . "root" "name" "command") (dict "name" "main")) | fromYaml }}
{{- $more := dict "containers" (list $container) "restartPolicy" (.restartPolicy | default "Always") }}
{{- merge (include "pod-settings" .root | fromYaml) $more | toJson }}
{{- end -}}
