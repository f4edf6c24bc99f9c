//! A summary as one HTML page that needs nothing else.

use super::facts::Facts;

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;color:#1b2430;max-width:72rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.6rem;margin-bottom:0}h2{font-size:1.1rem;margin-top:2rem}\
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;\
padding:.25rem .75rem .25rem 0;border-bottom:1px solid #d9dfe6;overflow-wrap:anywhere}\
th{font-weight:600;white-space:nowrap}.facts th{width:10rem}\
code,.m td{font:13px/1.5 ui-monospace,monospace}\
@media(prefers-color-scheme:dark){body{background:#12171d;color:#dde4ec}td,th{border-color:#333c47}}";

/// The page.
pub(super) fn page(facts: &Facts) -> String {
    let mut out =
        String::from("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    // What the records say must not reach for anything.
    out += "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n";
    out += "<meta name=\"viewport\" content=\"width=device-width\">\n";
    out += &format!("<title>Evidence package</title>\n<style>{STYLE}</style>\n</head>\n<body>\n");
    out += "<h1>Evidence package</h1>\n<table class=\"facts\">\n";
    for [name, value] in &facts.facts {
        out += &format!("<tr><th>{}</th><td>{}</td></tr>\n", escaped(name), escaped(value));
    }
    out += "</table>\n<h2>How to check it</h2>\n";
    for text in &facts.how {
        out += &format!("<p>{}</p>\n", escaped(text));
    }
    out += "<h2>Records by event type</h2>\n<table>\n";
    for [name, count] in &facts.counts {
        out += &format!("<tr><th>{}</th><td>{count}</td></tr>\n", escaped(name));
    }
    out += "</table>\n<h2>Files</h2>\n<table class=\"m\">\n";
    for file in &facts.files {
        let path = escaped(&file.path);
        out +=
            &format!("<tr><td>{path}</td><td>{}</td><td>{}</td></tr>\n", file.bytes, file.sha256);
    }
    out += &format!("</table>\n<h2>{}</h2>\n<table class=\"m\">\n", escaped(&facts.listed()));
    out += "<tr><th>time</th><th>type</th><th>actor</th><th>outcome</th><th>id</th></tr>\n";
    for row in &facts.records {
        let cells: String = row.iter().map(|text| format!("<td>{}</td>", escaped(text))).collect();
        out += &format!("<tr>{cells}</tr>\n");
    }
    out + "</table>\n</body>\n</html>\n"
}

/// Text that stands for itself; control characters and such that turn the direction of writing are
/// shown by their number.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c if super::is_hidden(c) => out += &format!("\\u{{{:x}}}", u32::from(c)),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
#[path = "html_tests.rs"]
mod tests;
