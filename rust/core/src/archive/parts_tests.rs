use std::sync::atomic::{AtomicU64, Ordering};

use crate::config::{Config, Home};
use crate::segment::SegmentFile;
use crate::trail::{InitOptions, LoadOptions, OpenOptions, Settings, Trail, init};

#[tokio::test]
async fn columns_that_are_fetched_are_those_of_the_object_and_others_are_not_there() {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let url = format!("memory://parts-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let dir = tempfile::tempdir().unwrap();
    init(&url, &InitOptions::new(Home::at(dir.path()))).await.unwrap();
    let settings = Settings::from_config(&Config::default(), &url);
    let trail = Trail::open(&url, OpenOptions::new(Home::at(dir.path()), settings)).await.unwrap();
    let mut lines = String::new();
    for n in 0..9000_u64 {
        // Long and different, so that the object is much longer than what is fetched of it first.
        let text = format!("{:x}", u128::from(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).pow(2));
        let (minute, second) = (n / 60 % 60, n % 60);
        lines += &format!(
            "{{\"event_type\":\"data.x\",\"text\":\"{text}\",\"resource\":{{\"sensitivity_level\":\
             \"l{}\"}},\"timestamp\":\"2026-03-01T00:{minute:02}:{second:02}Z\"}}\n",
            n % 5
        );
    }
    let lines = Box::new(std::io::Cursor::new(lines.into_bytes()));
    trail.load(lines, &LoadOptions::default()).await.unwrap();
    let view = trail.view().await.unwrap();
    let segment = &view.segments()[0];
    let wanted = ["timestamp", "resource_sensitivity_level"];
    let all = |file: &SegmentFile| (0..file.groups().len()).collect();
    let parts = trail.archives().open_columns(segment, &wanted, all).await.unwrap();
    let whole = trail.archives().open(segment).await.unwrap();
    assert_eq!(parts.meta(), whole.meta());
    let columns = parts.columns_in(0, &wanted).unwrap();
    assert_eq!(columns, whole.columns_in(0, &wanted).unwrap());
    assert_eq!(columns[0].as_ref().unwrap().len(), 9000);
    assert!(parts.columns_in(0, &["text"]).is_err());
    assert_eq!(parts.text_bounds(0, "email"), whole.text_bounds(0, "email"));
    let none = trail.archives().open_columns(segment, &wanted, |_| Vec::new()).await.unwrap();
    assert_eq!(none.number_bounds(0, "timestamp"), whole.number_bounds(0, "timestamp"));
    assert!(none.number_bounds(0, "timestamp").is_some());
}
