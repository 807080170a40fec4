{{/*
The host:port of PostgreSQL as every namespace reaches it.
*/}}
{{- define "stockade.databaseHost" -}}
{{- if .Values.postgresql.enabled -}}
stockade-postgresql.{{ .Release.Namespace }}.svc:5432
{{- else -}}
{{- $host := required "database.host: write the host of your PostgreSQL, or set postgresql.enabled=true" .Values.database.host -}}
{{ $host }}:{{ .Values.database.port }}
{{- end -}}
{{- end -}}

{{/*
The Secret with the passwords of the three roles.
*/}}
{{- define "stockade.databaseSecret" -}}
{{- if .Values.database.existingSecret -}}
{{ .Values.database.existingSecret }}
{{- else if .Values.postgresql.enabled -}}
stockade-database
{{- else -}}
{{ fail "database.existingSecret: write the name of the Secret with the passwords of your PostgreSQL" }}
{{- end -}}
{{- end -}}

{{/*
Environment entries that make the DSN of one role: (list . "stockade_panel" "panelPassword").
Kubernetes puts the password into the address, so it is in no manifest.
*/}}
{{- define "stockade.databaseEnv" -}}
{{- $root := index . 0 -}}
- name: DATABASE_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "stockade.databaseSecret" $root }}
      key: {{ index . 2 }}
- name: STOCKADE_DATABASE_URL
  value: postgresql://{{ index . 1 }}:$(DATABASE_PASSWORD)@{{ include "stockade.databaseHost" $root }}/stockade
{{- end -}}

{{/*
A value of a Secret that stays what it is: (list . SECRET KEY WHEN-THERE-IS-NONE).
*/}}
{{- define "stockade.kept" -}}
{{- $root := index . 0 -}}
{{- $found := lookup "v1" "Secret" $root.Release.Namespace (index . 1) -}}
{{- $key := index . 2 -}}
{{- if and $found (hasKey ($found.data | default dict) $key) -}}
{{ get $found.data $key }}
{{- else -}}
{{ index . 3 | b64enc }}
{{- end -}}
{{- end -}}

{{/*
The egress rule to PostgreSQL. A database outside of the cluster has an address that is not known here; its port is the fence.
*/}}
{{- define "stockade.databaseEgress" -}}
{{- if .Values.postgresql.enabled -}}
- to:
    - podSelector:
        matchLabels:
          {{- include "stockade.selector" "postgresql" | nindent 10 }}
  ports:
    - {port: 5432, protocol: TCP}
{{- else -}}
- ports:
    - {port: {{ .Values.database.port }}, protocol: TCP}
{{- end -}}
{{- end -}}
