//! Makes faxes: small but valid multi-page bilevel TIFF files, as a fax server attaches them to its mail.
//!
//! Uncompressed, so that the size of a fixture is a matter of arithmetic; no two pages are alike.

/// Dots in a line of a fax (ITU-T T.4, A4 at 204 dots per inch).
pub const WIDTH: u32 = 1728;

const BYTES_A_ROW: u32 = WIDTH / 8;
const ENTRIES: u16 = 14;
/// TIFF's types of values.
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;

/// A TIFF of `pages` pages of `rows` lines each: `pages * (rows * 216 + 190) + 8` bytes.
///
/// # Panics
/// When there is no page or no row, or more than fits: such a file is no fax.
#[must_use]
pub fn fax(pages: u16, rows: u32) -> Vec<u8> {
    assert!(pages > 0 && rows > 0, "a fax has pages, and a page has rows");
    let strip = rows.checked_mul(BYTES_A_ROW).expect("a page fits into a TIFF");

    let mut file = Vec::new();
    file.extend_from_slice(b"II*\0");
    // Where the first directory stands: behind the first page's dots and its two resolutions.
    file.extend_from_slice(&(8 + strip + 16).to_le_bytes());
    for page in 0..pages {
        let dots = position(&file);
        for row in 0..rows {
            file.extend((0..BYTES_A_ROW).map(|column| dot_byte(page, row, column)));
        }
        let resolution = position(&file);
        for part in [204u32, 1, 196, 1] {
            file.extend_from_slice(&part.to_le_bytes());
        }

        let directory = position(&file);
        file.extend_from_slice(&ENTRIES.to_le_bytes());
        let mut entry = |tag: u16, kind: u16, count: u32, value: u32| {
            file.extend_from_slice(&tag.to_le_bytes());
            file.extend_from_slice(&kind.to_le_bytes());
            file.extend_from_slice(&count.to_le_bytes());
            file.extend_from_slice(&value.to_le_bytes());
        };
        entry(254, LONG, 1, 2); // NewSubfileType: one page of several
        entry(256, LONG, 1, WIDTH);
        entry(257, LONG, 1, rows);
        entry(258, SHORT, 1, 1); // BitsPerSample
        entry(259, SHORT, 1, 1); // Compression: none
        entry(262, SHORT, 1, 0); // PhotometricInterpretation: white is zero
        entry(273, LONG, 1, dots); // StripOffsets
        entry(277, SHORT, 1, 1); // SamplesPerPixel
        entry(278, LONG, 1, rows); // RowsPerStrip
        entry(279, LONG, 1, strip); // StripByteCounts
        entry(282, RATIONAL, 1, resolution);
        entry(283, RATIONAL, 1, resolution + 8);
        entry(296, SHORT, 1, 2); // ResolutionUnit: inch
        entry(297, SHORT, 2, u32::from(page) | u32::from(pages) << 16); // PageNumber
        let next =
            if page + 1 == pages { 0 } else { directory + 2 + 12 * u32::from(ENTRIES) + 4 + strip + 16 };
        file.extend_from_slice(&next.to_le_bytes());
    }
    file
}

fn position(file: &[u8]) -> u32 {
    u32::try_from(file.len()).expect("a TIFF is smaller than 4 GiB")
}

/// Stripes whose slant and phase tell the page.
fn dot_byte(page: u16, row: u32, column: u32) -> u8 {
    let stripe = row / 8 + column * (u32::from(page) + 1);
    if stripe.is_multiple_of(16) { 0xff } else { (row ^ column.rotate_left(u32::from(page))) as u8 & 0x11 }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn short(file: &[u8], at: usize) -> usize {
        usize::from(u16::from_le_bytes(file[at..at + 2].try_into().unwrap()))
    }

    fn long(file: &[u8], at: usize) -> usize {
        u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize
    }

    /// Follows the chain of directories as a reader does: the entries of each page by tag.
    fn directories(file: &[u8]) -> Vec<HashMap<usize, usize>> {
        assert_eq!(&file[..4], b"II*\0");
        let mut found = Vec::new();
        let mut at = long(file, 4);
        while at != 0 {
            assert_eq!(at % 2, 0, "a directory begins on a word");
            let count = short(file, at);
            let tags: Vec<_> = (0..count).map(|i| short(file, at + 2 + 12 * i)).collect();
            assert!(tags.is_sorted(), "{tags:?}");
            found.push(
                tags.into_iter().enumerate().map(|(i, tag)| (tag, long(file, at + 2 + 12 * i + 8))).collect(),
            );
            at = long(file, at + 2 + 12 * count);
        }
        found
    }

    #[test]
    fn a_fax_has_its_pages_in_order_and_no_two_are_alike() {
        let file = fax(3, 100);
        assert_eq!(file.len(), 3 * (100 * 216 + 190) + 8);
        let pages = directories(&file);
        assert_eq!(pages.len(), 3);
        let mut seen: Vec<&[u8]> = Vec::new();
        for (number, page) in pages.iter().enumerate() {
            assert_eq!((page[&256], page[&257], page[&258]), (1728, 100, 1));
            assert_eq!(page[&297], number | 3 << 16, "number of the page, and how many there are");
            assert_eq!((long(&file, page[&282]), long(&file, page[&283])), (204, 196));
            let dots = &file[page[&273]..page[&273] + page[&279]];
            assert_eq!(dots.len(), 100 * 216);
            assert!(!seen.contains(&dots));
            seen.push(dots);
        }
    }

    #[test]
    fn one_page_is_a_fax_too() {
        assert_eq!(directories(&fax(1, 1)).len(), 1);
    }
}
