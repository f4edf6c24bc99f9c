//! Page indexes of encrypted segments that lie, by somebody who has their keys.

use std::sync::Arc;

use bytes::Bytes;

use crate::config::{Config, EncryptionConfig, Home};
use crate::encryption::MasterSource;
use crate::keys::Secret;
use crate::segment::SegmentFile;
use crate::storage::Storage;
use crate::storage::durable::{self, Access};
use crate::trail::{InitOptions, LoadOptions, OpenOptions, Settings, Trail, init};
use crate::verify::sealed::{Part, Sealed};
use crate::verify::{Options, Report, Trust, Verdict, verify};

struct Place {
    dir: tempfile::TempDir,
    config: Config,
}

impl Place {
    /// An encrypted trail with one segment, some of whose columns have several pages.
    async fn new() -> (Self, Trail) {
        let dir = tempfile::tempdir().unwrap();
        let master = dir.path().join("master");
        let key = Secret::from_bytes([1; 32]).to_base64();
        durable::replace(&master, key.as_bytes(), Access::Private).unwrap();
        let key = Some(format!("file:{}", master.display()));
        let encryption = EncryptionConfig { hot: true, key, ..EncryptionConfig::default() };
        let place = Self { dir, config: Config { encryption, ..Config::default() } };
        let options =
            InitOptions { epoch_seconds: 1 << 40, ..InitOptions::new(Home::at(place.dir.path())) };
        init(&place.url(), &options).await.unwrap();
        let settings = Settings::from_config(&place.config, &place.url());
        let options = OpenOptions::new(Home::at(place.dir.path()), settings);
        let trail = Trail::open(&place.url(), options).await.unwrap();
        let mut text = String::new();
        for n in 0..2500_u64 {
            // Texts that no dictionary shortens.
            let note: String = (0..1200).map(|i| digit(n * 1201 + i)).collect();
            text += &format!(
                r#"{{"event_type":"data.file_read","audit_id":"id-{n}","timestamp":"2026-03-01T00:00:00Z","note":"{note}"}}"#
            );
            text.push('\n');
        }
        let input = Box::new(std::io::Cursor::new(text.into_bytes()));
        trail.load(input, &LoadOptions::default()).await.unwrap();
        (place, trail)
    }

    fn url(&self) -> String {
        self.dir.path().join("audit").display().to_string()
    }

    async fn verify(&self, trail: &Trail) -> Report {
        let owner = trail.owner_key().unwrap();
        let trust = Trust { secret: Some(Arc::clone(&owner)), ..Trust::owner(owner.public()) };
        let master = MasterSource::new(self.config.encryption.key.as_deref(), &|_| None);
        let options = Options { master, ..Options::default() };
        let storage = Storage::open(&self.url()).unwrap();
        verify(&storage, &trust, &options, &|_| {}, &Arc::default()).await.unwrap()
    }
}

fn digit(n: u64) -> char {
    let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 59;
    char::from(b'a' + (mixed % 26) as u8)
}

/// Where the page index of a chunk stands, and how its first row of each page is written.
struct Index {
    place: (usize, usize),
    at: usize,
    length: usize,
    rows: Vec<i64>,
}

fn indexes(file: &SegmentFile) -> Vec<Index> {
    let parquet = file.parquet();
    let pages = parquet.offset_index().unwrap();
    let mut found = Vec::new();
    for (g, group) in parquet.row_groups().iter().enumerate() {
        for (c, chunk) in group.columns().iter().enumerate() {
            let rows = pages[g][c].page_locations().iter().map(|page| page.first_row_index);
            found.push(Index {
                place: (g, c),
                at: usize::try_from(chunk.offset_index_offset().unwrap()).unwrap(),
                length: usize::try_from(chunk.offset_index_length().unwrap()).unwrap(),
                rows: rows.collect(),
            });
        }
    }
    found
}

/// A number as Thrift's compact protocol writes it.
fn zigzag(value: i64) -> Vec<u8> {
    let mut raw = ((value << 1) ^ (value >> 63)) as u64;
    let mut bytes = Vec::new();
    while raw >= 0x80 {
        bytes.push(raw as u8 | 0x80);
        raw >>= 7;
    }
    bytes.push(raw as u8);
    bytes
}

/// The file with another first row of the second page of a chunk, encrypted as it was.
fn with_row(bytes: &Bytes, sealed: &Sealed, index: &Index, row: i64) -> Bytes {
    let mut text = sealed.open(&bytes[index.at..], Part::OffsetIndex, index.place).unwrap();
    // Field 3 of a page's location, after the two before it.
    let written = [&[0x16][..], &zigzag(index.rows[1]), &[0]].concat();
    let at = memchr::memmem::rfind(&text, &written).unwrap();
    let other = [&[0x16][..], &zigzag(row), &[0]].concat();
    assert_eq!(other.len(), written.len());
    text[at..at + written.len()].copy_from_slice(&other);
    let part = sealed.seal(&text, Part::OffsetIndex, index.place);
    assert_eq!(part.len(), index.length);
    let mut changed = bytes.to_vec();
    changed[index.at..index.at + index.length].copy_from_slice(&part);
    Bytes::from(changed)
}

#[tokio::test]
async fn an_encrypted_page_index_that_claims_other_rows_is_found() {
    let (place, trail) = Place::new().await;
    let sound = place.verify(&trail).await;
    assert_eq!((sound.verdict, sound.findings), (Verdict::Verified, vec![]));
    let path = trail.view().await.unwrap().segments()[0].path.clone();
    let bytes = trail.storage().get(&path).await.unwrap();
    let keys = trail.storage().keys().unwrap();
    let file = SegmentFile::open_with(&path, bytes.clone(), Some(keys)).unwrap();
    let sealed = Sealed::of(&path, &bytes, Some(keys)).unwrap().unwrap();
    let split: Vec<Index> =
        indexes(&file).into_iter().filter(|index| index.rows.len() > 1).collect();
    assert!(!split.is_empty(), "a column has several pages");
    for index in split {
        for row in [index.rows[1] - 1, index.rows[1] + 1] {
            let changed = with_row(&bytes, &sealed, &index, row);
            // The library reads it: it is encrypted as it should be.
            SegmentFile::open_with(&path, changed.clone(), Some(keys)).unwrap();
            trail.storage().put_hint(&path, changed).await.unwrap();
            let found = place.verify(&trail).await;
            let told = found.findings.iter().find(|finding| finding.kind == "page_index");
            let told = told.unwrap_or_else(|| panic!("{:?}", found.findings));
            assert!(told.message.contains("which rows its pages hold"), "{}", told.message);
        }
    }
    trail.storage().put_hint(&path, bytes).await.unwrap();
    assert_eq!(place.verify(&trail).await.findings, vec![]);
}

#[tokio::test]
async fn each_part_opens_in_its_own_place_only() {
    let (_place, trail) = Place::new().await;
    let path = trail.view().await.unwrap().segments()[0].path.clone();
    let bytes = trail.storage().get(&path).await.unwrap();
    let keys = trail.storage().keys().unwrap();
    let file = SegmentFile::open_with(&path, bytes.clone(), Some(keys)).unwrap();
    let sealed = Sealed::of(&path, &bytes, Some(keys)).unwrap().unwrap();
    for index in indexes(&file) {
        let (group, column) = index.place;
        let open = |part, place| sealed.open(&bytes[index.at..], part, place);
        assert!(open(Part::OffsetIndex, (group, column)).is_ok());
        assert!(open(Part::OffsetIndex, (group, column + 1)).is_err());
        assert!(open(Part::OffsetIndex, (group + 1, column)).is_err());
        assert!(open(Part::DictionaryPageHeader, (group, column)).is_err());
        assert!(open(Part::DataPageHeader(0), (group, column)).is_err());
    }
    for cut in [0, 3, 10, 20] {
        assert!(sealed.open(&bytes[..cut], Part::OffsetIndex, (0, 0)).is_err());
    }
    assert!(Sealed::of(&path, b"PAR1 and more PAR1", None).unwrap().is_none());
    assert!(Sealed::of(&path, b"PARE", Some(keys)).is_err());
}
