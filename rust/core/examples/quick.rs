use sealtrail_core::{config::*, demo::*, trail::*};
fn main() {
    let n: u64 = std::env::args().nth(1).and_then(|s| s.parse().ok()).unwrap_or(1_000_000);
    let dir = std::path::PathBuf::from("/tmp/quick");
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let foreign = std::env::args().nth(2).is_some_and(|a| a == "foreign");
    let mut generator =
        Generator::new(Options { foreign, ..Options::new(n, chrono::Utc::now()) }).unwrap();
    let mut text = Vec::new();
    let t = std::time::Instant::now();
    while generator.write_line(&mut text) {}
    println!("generated {} MB in {:?}", text.len() >> 20, t.elapsed());
    std::fs::write(dir.join("events.jsonl"), &text).unwrap();
    drop(text);
    let rt = sealtrail_core::runtime().unwrap();
    rt.block_on(async {
        let url = dir.join("audit").display().to_string();
        let home = Home::at(&dir.join("home"));
        init(&url, &InitOptions::new(home.clone())).await.unwrap();
        let settings = Settings::from_config(&Config::default(), &url);
        let trail = Trail::open(&url, OpenOptions { home, settings, owner: None }).await.unwrap();
        let t = std::time::Instant::now();
        let f = std::fs::File::open(dir.join("events.jsonl")).unwrap();
        let report = trail.load(Box::new(f), &LoadOptions::default()).await.unwrap();
        let e = t.elapsed();
        println!(
            "loaded {} refused {} in {:?}: {:.0}/s",
            report.recorded,
            report.refused,
            e,
            n as f64 / e.as_secs_f64()
        );
        let s = trail.stats().await.unwrap();
        println!(
            "{} B/event, {} segments, {} entries, promoted {}",
            s.bytes_per_event.unwrap(),
            s.segments,
            s.entries,
            s.promoted_columns
        );
        let sample = trail.contains(&["x".to_owned()]).await.unwrap();
        assert!(sample.is_empty());
        use sealtrail_core::verify;
        let owner = trail.owner_key().unwrap();
        for secret in [Some(owner.clone())] {
            let trust = verify::Trust { secret, ..verify::Trust::owner(owner.public()) };
            let t = std::time::Instant::now();
            let report = verify::verify(
                trail.storage(),
                &trust,
                &verify::Options::default(),
                &|_| {},
                &Default::default(),
            )
            .await
            .unwrap();
            let e = t.elapsed();
            println!("verify {} in {:?}: {:.0}/s", report.verdict, e, n as f64 / e.as_secs_f64());
            for f in report.findings.iter().take(5) {
                println!("{f:?}");
            }
        }
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        println!("{}", status.lines().find(|l| l.starts_with("VmHWM")).unwrap());
    });
}
