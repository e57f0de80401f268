{{- /* What the schemas of Kubernetes do not say: ci/chart renders this with gitops.yaml and what the chart rendered. */}}
{{- $kinds := list "Pod" "Service" "ServiceAccount" "apps/Deployment" "apps/ReplicaSet" "autoscaling/HorizontalPodAutoscaler"
  "gateway.networking.k8s.io/HTTPRoute" "networking.k8s.io/Ingress" "networking.k8s.io/NetworkPolicy" "policy/PodDisruptionBudget" }}
{{- $extra := .Values.cluster.extra_kinds | default list }}{{ $missing := list }}
wrong: |
  {{- range splitList "\n---" (print "\n" .Values.objects) }}
  {{- $document := fromYaml . | default dict }}
  {{- range hasKey $document "items" | ternary $document.items (list $document) }}
  {{- if .kind }}
  {{- $kind := printf "%s/%s" (dir .apiVersion) .kind | clean }}
  {{- if regexMatch "^(rbac[.]authorization[.]k8s|authorization[.]openshift)[.]io/" $kind }}
  Argo CD may never deploy {{ $kind }}: leave it out, and let an administrator create it with kubectl
  {{- else if not (has $kind (concat $kinds $extra)) }}
  {{- $missing = append $missing $kind }}
  {{- end }}
  {{- if regexMatch "^(apps|batch)/" $kind }}
  {{- $job := eq .kind "CronJob" | ternary (dig "spec" "jobTemplate" dict .) . }}
  {{- $policy := dig "spec" "template" "spec" "restartPolicy" "Always" $job }}
  {{- if ne (hasPrefix "apps/" $kind) (eq $policy "Always") }}
  {{ lower .kind }}/{{ .metadata.name }}: Kubernetes refuses restartPolicy {{ $policy }} here: a Job or CronJob needs Never or OnFailure, all else the default, Always
  {{- end }}
  {{- end }}
  {{- end }}
  {{- end }}
  {{- end }}
  {{- with uniq $missing }}
  Argo CD may not deploy {{ join ", " . }}: write extra_kinds: [{{ concat $extra . | join ", " }}] under cluster: in gitops.yaml, and run gitops-flask up before the merge
  {{- end }}
