use super::*;
use crate::source::FileId;
use crate::yaml::parse;

const DATA: &str = "
name: Web_1
path: {path: apps/Media_x, basename: Media_x, segments: [apps, Media_x]}
count: 3
big: 1000000
active: true
none: ~
list: [a, b, c]
map: {b: 2, a: x}
dashed-key: d
unknown: !vault x
";

fn data() -> Value {
    let root = parse(FileId(0), DATA.as_bytes()).documents.remove(0).root.expect("content");
    Value::from(&root)
}

fn evaluated(text: &str, missing_key: MissingKey) -> Result<String, String> {
    let template = Template::parse(text, &Sprig).map_err(|problem| problem.message)?;
    match template.evaluate(&data(), &Sprig, missing_key) {
        Ok(output) if output.unknown => Err(format!("unknown in {}", output.text)),
        Ok(output) => Ok(output.text),
        Err(Stop { failure: Failure::Unknown, .. }) => Err("unknown".to_owned()),
        Err(Stop { failure: Failure::Error(message), .. }) => Err(message),
    }
}

#[test]
fn templates_give_what_go_gives() {
    let cases = [
        ("a{{ .name }}b", "aWeb_1b"),
        ("a {{- .name -}} b", "aWeb_1b"),
        ("a {{- /* yes */ -}} b", "ab"),
        ("{{ .path.basename | lower | replace \"_\" \"-\" }}", "media-x"),
        ("{{ index .path.segments 1 }}{{ (index .path.segments 0) }}", "Media_xapps"),
        ("{{ if eq .name \"x\" }}1{{ else if .active }}2{{ else }}3{{ end }}", "2"),
        ("{{ if .none }}1{{ end }}{{ with .map }}{{ .a }}{{ end }}{{ with .none }}x{{ else }}y{{ end }}", "xy"),
        ("{{ with .none }}x{{ else with .map }}{{ .a }}{{ end }}", "x"),
        ("{{ range .list }}{{ . }},{{ end }}{{ range $k, $v := .map }}{{ $k }}={{ $v }};{{ end }}", "a,b,c,a=x;b=2;"),
        ("{{ range $i, $x := .list }}{{ if eq $i 1 }}{{ continue }}{{ end }}{{ $x }}{{ end }}", "ac"),
        ("{{ range .none }}x{{ else }}empty{{ end }}{{ range 2 }}{{ . }}{{ end }}", "empty01"),
        ("{{ $x := 1 }}{{ range .list }}{{ $x = add $x 1 }}{{ end }}{{ $x }}{{ $.name }}", "4Web_1"),
        (
            "{{ define \"t\" }}<{{ .a }}>{{ end }}{{ template \"t\" .map }}{{ block \"u\" .name }}{{ . }}{{ end }}",
            "<x>Web_1",
        ),
        ("{{ .missing }} {{ .none }} {{ .missing.more }}", "<no value> <no value> <no value>"),
        ("{{ default \"d\" .missing }}{{ .name | default \"d\" }}{{ index . \"dashed-key\" }}", "dWeb_1d"),
        ("{{ .count }} {{ .big }} {{ .map }} {{ .list }} {{ .active }}", "3 1e+06 map[a:x b:2] [a b c] true"),
        ("{{ printf \"%s-%d-%v-%q-%03d\" .name (int .count) .count \"a\" 7 }}", "Web_1-3-3-\"a\"-007"),
        ("{{ print 1 2 \"a\" 3 }} {{ len .list }} {{ slice .name 0 3 }}", "1 2a3 3 Web"),
        ("{{ and .active .name }}{{ or .none .name }}{{ not .active }}", "Web_1Web_1false"),
        ("{{ toYaml .map | nindent 2 }}", "\n  a: x\n  b: 2"),
        ("{{ dict \"a\" (list 1 2) | toJson }}{{ dig \"x\" \"y\" \"z\" . }}", "{\"a\":[1,2]}z"),
        ("{{ $d := dict }}{{ $_ := set $d \"k\" 1 }}{{ $d.k }}{{ hasKey $d \"k\" }}", "1true"),
        ("{{ ternary \"a\" \"b\" .active }}{{ trimSuffix \"_1\" .name }}{{ join \"-\" .list }}", "aWeba-b-c"),
        ("{{ `raw \"x\"` }}{{ \"\\t\" | len }}{{ 'a' }}{{ 0x10 }}{{ 1.5 }}", "raw \"x\"197161.5"),
        ("{{ if and (eq .name \"x\") .unknown }}1{{ else }}2{{ end }}", "2"),
    ];
    for (text, expected) in cases {
        assert_eq!(evaluated(text, MissingKey::Invalid).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn mistakes_are_told_in_go_s_words() {
    let cases = [
        ("{{ name }}", "function \"name\" not defined"),
        ("{{ .dashed-key }}", "bad character U+002D '-'"),
        ("{{ .a", "unclosed action"),
        ("{{-/* no comment */ -}}", "bad number syntax: \"-\""),
        ("{{ end }}", "unexpected {{end}}"),
        ("{{ if .a }}", "unexpected EOF: {{if}} has no {{end}}"),
        ("{{ $x }}", "undefined variable \"$x\""),
        ("{{ }}", "missing value for command"),
        ("{{ \"a }}", "unterminated quoted string"),
        ("{{ .a | \"b\" }}", "non executable command in pipeline stage 2"),
        ("{{ break }}", "{{break}} outside {{range}}"),
        ("{{ eq .count 3 }}", "error calling eq: incompatible types for comparison"),
        ("{{ lower .missing }}", "error calling lower: invalid value; expected string"),
        ("{{ .name.more }}", "can't evaluate field more in type string"),
        ("{{ .none.more }}", "nil pointer evaluating interface {}.more"),
        ("{{ template \"x\" . }}", "template \"x\" not defined"),
        ("{{ range .name }}{{ end }}", "range can't iterate over a string"),
        ("{{ .unknown }}-{{ .count }}", "unknown in {{ .unknown }}-3"),
        ("{{ randAlpha 5 }}", "unknown in {{ randAlpha 5 }}"),
        ("{{ lower .unknown }}", "unknown in {{ lower .unknown }}"),
        ("{{ if .unknown }}a{{ else }}b{{ end }}", "unknown"),
        ("{{ toYaml . }}", "unknown in {{ toYaml . }}"),
    ];
    for (text, expected) in cases {
        assert_eq!(evaluated(text, MissingKey::Invalid).as_deref().map_err(String::as_str), Err(expected), "{text}");
    }
    let error = evaluated("{{ .missing }}", MissingKey::Error);
    assert_eq!(error, Err("map has no entry for key \"missing\"".to_owned()));
    assert!(evaluated("{{ .missing.more }}", MissingKey::Zero).is_err());
}

#[test]
fn what_has_no_end_is_stopped() {
    let deep = format!("{}{}", "{{ if true }}".repeat(1000), "{{ end }}".repeat(1000));
    let parentheses = format!("{{{{ {}1{} }}}}", "(".repeat(1000), ")".repeat(1000));
    let itself = "{{ define \"a\" }}{{ template \"a\" . }}{{ end }}{{ template \"a\" . }}";
    let ring = "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ toJson $d }}";
    let long = "{{ range 1000 }}{{ range 1000 }}{{ range 1000 }}x{{ end }}{{ end }}{{ end }}";
    for text in
        [deep.as_str(), &parentheses, itself, ring, long, "{{ repeat 1000000000 \"ab\" }}", "{{ until 999999999 }}"]
    {
        assert!(evaluated(text, MissingKey::Invalid).is_err(), "{text:.60}");
    }
}

#[test]
fn a_printed_value_keeps_its_place() {
    let template = Template::parse("a-{{ .name }}{{ lower .name }}", &Sprig).expect("a template");
    let output = template.evaluate(&data(), &Sprig, MissingKey::Invalid).expect("a text");
    let name = |span: crate::source::Span| &DATA[span.range()];
    let places = output.pieces.iter().map(|piece| match piece.origin {
        Origin::Template => "template",
        Origin::Made => "made",
        Origin::Value(span) => name(span),
    });
    assert_eq!(places.collect::<Vec<_>>(), ["template", "Web_1", "made"]);
}

#[test]
fn fields_that_are_read_are_told_from_the_tree() {
    let text = "{{ .Values.a.b }}{{ with $.Values.c }}{{ .d }}{{ end }}{{ index .Values \"e\" \"f\" }}{{ lower (.root.Values.g) }}";
    let template = Template::parse(text, &Sprig).expect("a template");
    let paths = template.paths_below("Values");
    let paths: Vec<String> = paths.iter().map(|path| path.join(".")).collect();
    assert_eq!(paths, ["a.b", "c", "e.f", "g"]);
    for whole in ["{{ toYaml .Values }}", "{{ $x := .Values }}", "{{ get . \"Values\" }}"] {
        let template = Template::parse(whole, &Sprig).expect("a template");
        assert!(template.paths_below("Values").iter().any(Vec::is_empty), "{whole}");
    }
}
