//! The random names of pages.

/// Length of the token that names a page: 128 bits in base64url.
const TOKEN_LETTERS: usize = 22;

/// Whether a page can have this name: nothing else is looked up.
pub fn is_token(text: &str) -> bool {
    let is_letter = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_');
    text.len() == TOKEN_LETTERS && text.bytes().all(is_letter)
}
