//! Progress bars, on a terminal only.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar over bytes; a spinner where the total is not known. Hidden unless `visible`.
pub(crate) fn over_bytes(visible: bool, total: Option<u64>) -> ProgressBar {
    let template = match total {
        Some(_) => "{wide_bar} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta} {msg}",
        None => "{spinner} {bytes} {binary_bytes_per_sec} {msg}",
    };
    bar(visible, total, template)
}

/// A bar over things that are counted.
pub(crate) fn over_items(visible: bool, total: u64, unit: &str) -> ProgressBar {
    bar(visible, Some(total), &format!("{{wide_bar}} {{human_pos}}/{{human_len}} {unit} {{eta}}"))
}

fn bar(visible: bool, total: Option<u64>, template: &str) -> ProgressBar {
    if !visible {
        return ProgressBar::hidden();
    }
    let target = ProgressDrawTarget::stderr_with_hz(10);
    let bar = ProgressBar::with_draw_target(total, target);
    // A template that indicatif does not take leaves its default style.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    if total.is_none() {
        bar.enable_steady_tick(Duration::from_millis(100));
    }
    bar
}
