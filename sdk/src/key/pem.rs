//! PEM (RFC 7468): blocks of base64 between two lines that name their content.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Characters of base64 on a line.
const LINE_CHARS: usize = 64;

/// One block.
pub(crate) struct Block<'a> {
    pub(crate) label: &'a str,
    /// `None`: not base64, or encrypted in the old way, with headers inside.
    pub(crate) der: Option<Vec<u8>>,
}

/// Every block of a text; anything between them is ignored.
pub(crate) fn blocks(text: &str) -> impl Iterator<Item = Block<'_>> {
    text.split("-----BEGIN ").skip(1).filter_map(|rest| {
        let (label, rest) = rest.split_once("-----")?;
        let (body, _) = rest.split_once("-----END ")?;
        let body: String = body.chars().filter(|letter| !letter.is_whitespace()).collect();
        Some(Block { label, der: STANDARD.decode(body).ok() })
    })
}

pub(crate) fn write(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(LINE_CHARS).unwrap_or((rest, ""));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    out.push_str("-----END ");
    out.push_str(label);
    out.push_str("-----\n");
    out
}
