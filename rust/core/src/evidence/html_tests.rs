use super::*;

#[test]
fn what_records_say_is_text() {
    let text = "<script>alert('x')</script>\u{202e}\u{7}&\"é";
    assert_eq!(
        escaped(text),
        "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\\u{202e}\\u{7}&amp;&quot;é"
    );
    let facts = Facts {
        facts: vec![["Purpose".to_owned(), text.to_owned()]],
        counts: vec![[text.to_owned(), "1".to_owned()]],
        files: Vec::new(),
        records: vec![[text, text, text, text, text].map(str::to_owned)],
        total: 3,
        how: vec![text.to_owned()],
    };
    let page = page(&facts);
    assert!(!page.contains("<script"));
    assert!(page.contains("The first 1 of 3 records; 2 more are in the file"));
}
