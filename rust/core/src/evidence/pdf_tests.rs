use super::*;

#[test]
fn lines_fit_and_lose_nothing() {
    let words = "one two three four five six seven eight nine ten ".repeat(20);
    let long = "x".repeat(700);
    for text in [words.as_str(), long.as_str(), "", "a", " "] {
        let lines = lines(&encoded(text), 200.0);
        for line in &lines {
            let used: f32 = line.iter().map(|byte| width(*byte)).sum();
            assert!(used <= 200.0, "{used}");
        }
        assert_eq!(lines.concat(), encoded(text));
    }
}

#[test]
fn every_page_is_there() {
    let row = ["2026-01-01T00:00:00.000Z", "auth.user_login", "é(\\)", "ok", "id"];
    let facts = Facts {
        facts: vec![["Purpose".to_owned(), "\u{202e}日本".to_owned()]],
        counts: Vec::new(),
        files: Vec::new(),
        records: vec![row.map(str::to_owned); 300],
        total: 300,
        how: vec!["So.".to_owned()],
    };
    let pdf = document(&facts);
    assert!(pdf.starts_with(b"%PDF-1.") && pdf.trim_ascii_end().ends_with(b"%%EOF"));
    let text = String::from_utf8_lossy(&pdf);
    assert!(text.contains("\\\\u{202e}\\\\u{65e5}"), "shown by number");
    assert_eq!(text.matches("/Type /Page\n").count(), 6, "{}", text.matches("/Page").count());
    assert!(text.contains("6 / 6"));
}
