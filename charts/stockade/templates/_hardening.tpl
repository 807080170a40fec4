{{/*
What every pod of ours has in common: (dict "uid" 10003). No token unless the part asks for one, no way to become more.
*/}}
{{- define "stockade.podSecurity" -}}
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .uid }}
  runAsGroup: {{ .uid }}
  fsGroup: {{ .uid }}
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{/*
What every container of ours has in common.
*/}}
{{- define "stockade.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
