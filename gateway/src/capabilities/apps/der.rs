//! Recognises a DER structure by its leading tags: enough to name it, and to recognise a private key even when its end is
//! cut off.
//!
//! Invariant: reads only tags and lengths, never a value; a length that runs past the end is treated as "up to the end".

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_ID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// What it looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    SubjectPublicKeyInfo,
    Pkcs1Public,
    Pkcs1Private,
    Pkcs8,
    EncryptedPkcs8,
    Sec1,
    Pkcs12,
    Certificate,
    Unknown,
}

pub(super) fn shape(bytes: &[u8]) -> Shape {
    let Some((SEQUENCE, outer, _)) = element(bytes) else { return Shape::Unknown };
    let Some((first, inner, rest)) = element(outer) else { return Shape::Unknown };
    let (second, rest) = element(rest).map_or((None, rest), |(tag, _, rest)| (Some(tag), rest));
    let third = element(rest).map(|(tag, ..)| tag);
    let is_small = inner.len() == 1;
    match (first, second, third) {
        (SEQUENCE, Some(BIT_STRING), None) if starts_with(inner, OBJECT_ID) => Shape::SubjectPublicKeyInfo,
        // Also with trailing bytes: the strict reader then says that it is damaged.
        (SEQUENCE, Some(BIT_STRING), _) => Shape::SubjectPublicKeyInfo,
        (SEQUENCE, Some(OCTET_STRING), _) if starts_with(inner, OBJECT_ID) => Shape::EncryptedPkcs8,
        (SEQUENCE, Some(SEQUENCE), Some(BIT_STRING)) => Shape::Certificate,
        // A structure that begins like a certificate and is cut off.
        (SEQUENCE, _, _) if starts_with(inner, 0xa0) => Shape::Certificate,
        // version, algorithm, key; a file of PKCS#12 has version 3 and one sequence that holds the rest.
        (INTEGER, Some(SEQUENCE), _) if is_small && inner == [3] => Shape::Pkcs12,
        (INTEGER, Some(SEQUENCE), _) if is_small => Shape::Pkcs8,
        (INTEGER, Some(OCTET_STRING), _) if is_small => Shape::Sec1,
        // version (0 or 1) before the numbers; a public key has two numbers and no version.
        (INTEGER, Some(INTEGER), Some(_)) => Shape::Pkcs1Private,
        (INTEGER, _, _) if is_small => Shape::Pkcs1Private,
        (INTEGER, Some(INTEGER), None) => Shape::Pkcs1Public,
        _ => Shape::Unknown,
    }
}

fn starts_with(bytes: &[u8], tag: u8) -> bool {
    bytes.first() == Some(&tag)
}

/// The first element: its tag, its content, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0_usize, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, after) = rest.split_at(length.min(rest.len()));
    Some((*tag, content, after))
}
