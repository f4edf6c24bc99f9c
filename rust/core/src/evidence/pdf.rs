//! A summary as PDF: plain pages in the fonts that every reader has.

use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use super::facts::Facts;

/// A4, in points.
const WIDTH: f32 = 595.0;
const HEIGHT: f32 = 842.0;
const MARGIN: f32 = 48.0;
const SIZE: f32 = 9.0;
const LINE: f32 = 12.5;
/// Where values stand beside their names.
const VALUES: f32 = 110.0;
const PLAIN: Name<'_> = Name(b"F1");
const BOLD: Name<'_> = Name(b"F2");

/// The widths of Helvetica's characters from space to `~`, in thousandths of its size.
const WIDTHS: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];
/// No other character of the encoding is wider.
const WIDEST: u16 = 1000;

/// The document.
pub(super) fn document(facts: &Facts) -> Vec<u8> {
    let mut pages = Pages::default();
    pages.heading("Evidence package", 16.0);
    for [name, value] in &facts.facts {
        pages.pair(name, value);
    }
    pages.heading("How to check it", 11.0);
    facts.how.iter().for_each(|text| pages.text(text, 0.0));
    pages.heading("Records by event type", 11.0);
    for [name, count] in &facts.counts {
        pages.text(&format!("{name}: {count}"), 0.0);
    }
    pages.heading("Files (bytes, SHA-256)", 11.0);
    for file in &facts.files {
        pages.text(&format!("{}: {}", file.path, file.bytes), 0.0);
        pages.text(&file.sha256, 12.0);
    }
    pages.heading(&facts.listed(), 11.0);
    for [time, kind, who, outcome, id] in &facts.records {
        let parts = [time, kind, who, outcome, id].map(String::as_str);
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        pages.text(&parts.join("  "), 0.0);
    }
    pages.finish()
}

/// Pages that fill from above.
struct Pages {
    full: Vec<Content>,
    open: Content,
    /// How far the open page is filled, from above.
    at: f32,
}

impl Default for Pages {
    fn default() -> Self {
        Self { full: Vec::new(), open: Content::new(), at: MARGIN }
    }
}

impl Pages {
    /// Makes room for a line of this height, on the next page if need be; gives its height above
    /// the foot.
    fn room(&mut self, height: f32) -> f32 {
        if self.at + height > HEIGHT - MARGIN {
            self.full.push(std::mem::replace(&mut self.open, Content::new()));
            self.at = MARGIN;
        }
        self.at += height;
        HEIGHT - self.at
    }

    fn put(&mut self, font: Name<'_>, size: f32, x: f32, y: f32, text: &[u8]) {
        let open = &mut self.open;
        open.begin_text().set_font(font, size).next_line(x, y).show(Str(text)).end_text();
    }

    fn heading(&mut self, text: &str, size: f32) {
        // Not alone at the foot of a page.
        if self.at + size + 4.0 * LINE > HEIGHT - MARGIN {
            self.room(HEIGHT);
            self.at = MARGIN;
        }
        let y = self.room(size + 10.0);
        self.put(BOLD, size, MARGIN, y, &encoded(text));
        self.at += 4.0;
    }

    /// Text in as many lines as it needs.
    fn text(&mut self, text: &str, indent: f32) {
        for line in lines(&encoded(text), WIDTH - 2.0 * MARGIN - indent) {
            let y = self.room(LINE);
            self.put(PLAIN, SIZE, MARGIN + indent, y, &line);
        }
    }

    fn pair(&mut self, name: &str, value: &str) {
        for (number, line) in
            lines(&encoded(value), WIDTH - 2.0 * MARGIN - VALUES).into_iter().enumerate()
        {
            let y = self.room(LINE);
            if number == 0 {
                self.put(BOLD, SIZE, MARGIN, y, &encoded(name));
            }
            self.put(PLAIN, SIZE, MARGIN + VALUES, y, &line);
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.full.push(std::mem::replace(&mut self.open, Content::new()));
        let mut next = 1;
        let mut new = || {
            next += 1;
            Ref::new(next - 1)
        };
        let (catalog, tree, plain, bold, info) = (new(), new(), new(), new(), new());
        let ids: Vec<(Ref, Ref)> = self.full.iter().map(|_| (new(), new())).collect();
        let mut pdf = Pdf::new();
        pdf.catalog(catalog).pages(tree);
        pdf.document_info(info).title(TextStr("Evidence package"));
        let count = i32::try_from(ids.len()).unwrap_or(i32::MAX);
        pdf.pages(tree).kids(ids.iter().map(|(page, _)| *page)).count(count);
        for (font, name) in [(plain, b"Helvetica".as_slice()), (bold, b"Helvetica-Bold")] {
            let mut font = pdf.type1_font(font);
            font.base_font(Name(name)).encoding_predefined(Name(b"WinAnsiEncoding"));
        }
        for (number, (mut content, (page, text))) in (1..).zip(self.full.into_iter().zip(ids)) {
            let foot = format!("{number} / {count}");
            content.begin_text().set_font(PLAIN, 8.0).next_line(WIDTH - MARGIN - 40.0, 28.0);
            content.show(Str(foot.as_bytes())).end_text();
            let mut page = pdf.page(page);
            page.media_box(Rect::new(0.0, 0.0, WIDTH, HEIGHT)).parent(tree).contents(text);
            let mut resources = page.resources();
            resources.fonts().pair(PLAIN, plain).pair(BOLD, bold);
            resources.finish();
            page.finish();
            pdf.stream(text, &content.finish());
        }
        pdf.finish()
    }
}

/// Text in the encoding of the fonts; what that does not have is shown by its number.
fn encoded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for c in text.chars() {
        match u32::from(c) {
            code @ (0x20..=0x7e | 0xa1..=0xff) if code != 0xad => out.push(code as u8),
            code => out.extend(format!("\\u{{{code:x}}}").bytes()),
        }
    }
    out
}

fn width(byte: u8) -> f32 {
    let known = usize::from(byte).checked_sub(0x20).and_then(|at| WIDTHS.get(at));
    f32::from(*known.unwrap_or(&WIDEST)) * SIZE / 1000.0
}

/// Lines of at most this width, broken at spaces where there are some; at least one.
fn lines(text: &[u8], most: f32) -> Vec<Vec<u8>> {
    let (mut all, mut line, mut used) = (Vec::new(), Vec::new(), 0.0);
    for &byte in text {
        if used + width(byte) > most && !line.is_empty() {
            let space = line.iter().rposition(|byte| *byte == b' ').filter(|at| *at > 0);
            let rest = match space {
                Some(at) => line.split_off(at + 1),
                None => Vec::new(),
            };
            all.push(std::mem::replace(&mut line, rest));
            used = line.iter().map(|byte| width(*byte)).sum();
        }
        line.push(byte);
        used += width(byte);
    }
    all.push(line);
    all
}

#[cfg(test)]
#[path = "pdf_tests.rs"]
mod tests;
