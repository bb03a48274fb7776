//! Properties: no input makes a parser panic, what is written reads back, and no covered byte can change unnoticed.

use proptest::prelude::*;
use quanzi_openapi::{
    jose::{ClientAssertion, Compact, DpopClaims, Jwk, normalize_htu},
    signature::{
        Component, ContentDigest, Draft, Message, RequestShape, Signatures, base, content_digest, decode_debug,
        first_difference, redact, wants_signed_response,
    },
};

/// Text made of the pieces that matter to the parsers, so that inputs get past the first byte.
fn near_valid() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("sig=".to_owned()),
        Just("(\"@method\"".to_owned()),
        Just(" \"@query-param\";name=\"a\"".to_owned()),
        Just(" \"content-digest\";req".to_owned()),
        Just(";sf".to_owned()),
        Just(";bs".to_owned()),
        Just(";key=\"a\"".to_owned()),
        Just(")".to_owned()),
        Just(";created=1".to_owned()),
        Just(";tag=\"fapi-2-request\"".to_owned()),
        Just(", ".to_owned()),
        Just("sig=:AA==:".to_owned()),
        Just("sha-256=:AA==:".to_owned()),
        Just("{\"alg\":\"EdDSA\"".to_owned()),
        Just("eyJhbGciOiJFZERTQSJ9.".to_owned()),
        "[ -~]{0,6}",
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn parse_everything(one: &[u8], two: &[u8]) {
    let headers: [(&str, &[u8]); 4] =
        [("a", one), ("content-digest", two), ("signature-input", one), ("signature", two)];
    let message = Message::request("GET", "https://example.com/?a=b", &headers).unwrap();
    for all in [Signatures::parse(one, two), Signatures::read(&message)].into_iter().flatten() {
        for label in all.labels() {
            if let Ok(Some(signature)) = all.get(label) {
                let _ = base(&message, &signature);
            }
        }
        let _ = all.choose("fapi-2-request");
    }
    let _ = ContentDigest::check_message(Some(one), two);
    let _ = decode_debug(one);
    let _ = wants_signed_response(one);
    if let (Ok(one), Ok(two)) = (std::str::from_utf8(one), std::str::from_utf8(two)) {
        let _ = Component::parse(one);
        let _ = Message::request(one, two, &[]).map(|message| format!("{message:?}"));
        let _ = Message::request("GET", one, &[]);
        let _ = Draft::custom([], 0, Some(one), two, one).and_then(|draft| draft.finish(two, &[]));
        let _ = (redact(one), first_difference(one, two), normalize_htu(one), Jwk::from_json(one));
        if let Ok(token) = Compact::parse(one) {
            let _ = (token.claims::<ClientAssertion>(), token.claims::<DpopClaims>());
        }
    }
}

const BODY: &[u8] = b"{\"name\":\"Letters\"}";

fn full_request() -> Vec<(&'static str, String)> {
    vec![
        ("authorization", "DPoP abc.def.ghi".to_owned()),
        ("content-digest", content_digest(BODY)),
        ("content-type", "application/json".to_owned()),
        ("idempotency-key", "k-1".to_owned()),
        ("dpop", "eyJ.eyJ.sig".to_owned()),
    ]
}

/// Method, URL and header values, in one list so that a test can pick any.
fn base_of(parts: &[Vec<u8>], draft: &Draft) -> Option<String> {
    let (method, url) = (std::str::from_utf8(&parts[0]).ok()?, std::str::from_utf8(&parts[1]).ok()?);
    let names = full_request();
    let headers: Vec<(&str, &[u8])> =
        names.iter().zip(&parts[2..]).map(|((name, _), value)| (*name, value.as_slice())).collect();
    draft.base(&Message::request(method, url, &headers).ok()?).ok()
}

proptest! {
    #[test]
    fn no_input_makes_a_parser_panic(one in near_valid(), two in near_valid()) {
        parse_everything(one.as_bytes(), two.as_bytes());
    }

    #[test]
    fn no_bytes_make_a_parser_panic(one in prop::collection::vec(any::<u8>(), 0..64), two in prop::collection::vec(any::<u8>(), 0..64)) {
        parse_everything(&one, &two);
    }

    #[test]
    fn what_a_draft_writes_reads_back(
        created in -999_999_999_999_999_i64..=999_999_999_999_999,
        nonce in "[ -~]{0,40}", keyid in "[ -~]{0,40}", tag in "[ -~]{1,20}", label in "[a-z*][a-z0-9_.*-]{0,9}",
        bytes in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let components = || ["\"@method\"", "\"x-a\";bs", "\"@query-param\";name=\"a%20b\""].map(|c| Component::parse(c).unwrap());
        let draft = Draft::custom(components(), created, Some(&nonce), &keyid, &tag).unwrap();
        let headers: [(&str, &[u8]); 1] = [("X-A", b"\xff")];
        let message = Message::request("GET", "https://example.com/?a+b=c", &headers).unwrap();

        let sent = draft.finish(&label, &bytes).unwrap();
        let all = Signatures::parse(sent.signature_input.as_bytes(), sent.signature.as_bytes()).unwrap();
        let read = all.get(&label).unwrap().unwrap();

        prop_assert_eq!(&read.components, &components());
        prop_assert_eq!(read.created, Some(created));
        prop_assert_eq!((read.nonce.as_ref(), read.keyid.as_ref(), read.tag.as_ref()), (Some(&nonce), Some(&keyid), Some(&tag)));
        prop_assert_eq!(&read.bytes, &bytes);
        prop_assert_eq!(base(&message, &read).unwrap(), draft.base(&message).unwrap());
    }

    #[test]
    fn no_covered_byte_changes_unnoticed(part in 0_usize..7, at in any::<prop::sample::Index>(), flip in 1_u8..=255) {
        let mut parts: Vec<Vec<u8>> = vec![b"POST".to_vec(), b"https://api.example.com/v1/circles?a=b%2Fc&a=d".to_vec()];
        parts.extend(full_request().into_iter().map(|(_, value)| value.into_bytes()));
        let draft = {
            let headers: Vec<(&str, &[u8])> =
                full_request().iter().map(|(name, _)| (*name, b"x".as_slice())).collect();
            let message = Message::request("POST", "https://api.example.com/", &headers).unwrap();
            Draft::request(&RequestShape::of(&message, true), 1, "n", "k").unwrap()
        };
        let before = base_of(&parts, &draft).unwrap();

        let at = at.index(parts[part].len());
        parts[part][at] ^= flip;

        prop_assert_ne!(base_of(&parts, &draft), Some(before));
    }

    #[test]
    fn a_changed_parameter_changes_the_base(at in any::<prop::sample::Index>(), byte in b' '..=b'~') {
        let input = "s=(\"@method\" \"@target-uri\");created=1800000000;nonce=\"n-1\";keyid=\"key\";tag=\"fapi-2-request\"";
        let message = Message::request("GET", "https://example.com/a", &[]).unwrap();
        let text = |input: &[u8]| {
            let all = Signatures::parse(input, b"s=:AA==:").ok()?;
            base(&message, &all.get("s").ok()??).ok()
        };
        let mut changed = input.as_bytes().to_vec();
        let at = 2 + at.index(input.len() - 2); // the label is not signed
        prop_assume!(changed[at] != byte);
        changed[at] = byte;

        prop_assert_ne!(text(&changed), text(input.as_bytes()));
    }
}
