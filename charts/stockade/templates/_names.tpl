{{/*
Labels of one part: (list . "panel").
*/}}
{{- define "stockade.labels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/part-of: stockade
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version }}
{{- end -}}

{{/*
The labels of one part's pods, by which everything finds them. They may never change, or an upgrade is refused; and no
version is among them, or every upgrade would restart every pod.
*/}}
{{- define "stockade.selector" -}}
app.kubernetes.io/name: {{ . }}
app.kubernetes.io/part-of: stockade
{{- end -}}

{{/*
The full name of one image: (list . "panel").
*/}}
{{- define "stockade.image" -}}
{{- $root := index . 0 -}}
{{- $name := index . 1 -}}
{{- $tag := get $root.Values.image.tags $name | default $root.Values.image.tag | default $root.Chart.AppVersion -}}
{{ $root.Values.image.registry }}/{{ $name }}:{{ $tag }}
{{- end -}}
