{{/* What a Deployment and a Service know its pods by. Nothing that changes: it would restart them or, worse, lose them. */}}
{{- define "pod-labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "labels" -}}
{{ include "pod-labels" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* The image by its digest; the tag is there for people to read. */}}
{{- define "image" -}}
{{- with .Values.image -}}
{{- if eq .digest (printf "sha256:%s" (repeat 64 "0")) -}}
{{- fail "image.digest is not set: render with the image of a delivery, --values image.yaml (it is on the branch env/dev)" -}}
{{- end -}}
{{- .repository }}{{ with .tag }}:{{ . }}{{ end }}@{{ .digest -}}
{{- end -}}
{{- end -}}

{{/* What deploy/<environment>.yaml gives to the service: texts, and the files in which secrets are. */}}
{{- define "variables" -}}
{{- range $name, $value := .Values.env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- range $name, $secret := .Values.secrets }}
- name: {{ $name }}_FILE
  value: /etc/secrets/{{ $name }}
{{- end }}
{{- end -}}

{{- define "mounts" -}}
- name: tmp
  mountPath: /tmp
{{- with .Values.secrets }}
- name: secrets
  mountPath: /etc/secrets
  readOnly: true
{{- end }}
{{- end -}}

{{/* Names must be found. Any address, since a node's own DNS cache is no pod that could be selected. */}}
{{- define "dns" -}}
- ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
{{- end -}}

{{- define "pod-security" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "container-security" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
capabilities:
  drop:
    - ALL
{{- end -}}
