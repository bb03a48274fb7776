//! All formats of keys: the keys of RFC 9421, B.1, written in each format by the usual libraries.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pem_rfc7468::LineEnding;
use proptest::prelude::*;
use quanzi_openapi::ErrorCode;
use quanzi_openapi::apps::KeyInput;
use quanzi_openapi::jose::{Jwk, PublicKey, decode_base64url};
use rsa::pkcs1::{EncodeRsaPrivateKey as _, EncodeRsaPublicKey as _};
use rsa::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _};
use rsa::{BoxedUint, PrivateKey, PublicKey as RsaPublicKey};
use serde_json::{Map, Value, json};

use super::key_format::{KeyRefused, read};
use super::model;

type Members = BTreeMap<String, String>;

fn members(name: &str) -> Members {
    let file: Value = serde_json::from_str(include_str!("../../../../openapi/vectors/rfc9421.json")).unwrap();
    serde_json::from_value(file["keys"][name].clone()).unwrap()
}

fn public_members(name: &str) -> Map<String, Value> {
    let members = members(name).into_iter();
    let public = members.filter(|(name, _)| ["kty", "crv", "x", "y", "n", "e"].contains(&name.as_str()));
    public.map(|(name, value)| (name, Value::String(value))).collect()
}

fn public(name: &str) -> PublicKey {
    serde_json::from_value::<Jwk>(Value::Object(public_members(name))).unwrap().key
}

fn number(members: &Members, name: &str) -> BoxedUint {
    BoxedUint::from_be_slice_vartime(&decode_base64url(&members[name]).unwrap())
}

fn rsa_private(name: &str) -> PrivateKey {
    let members = members(name);
    let number = |name| number(&members, name);
    let primes = vec![number("p"), number("q")];
    // The primes of the RFC's key are not of one length.
    PrivateKey::from_components_with_wide_primes(number("n"), number("e"), number("d"), primes).unwrap()
}

/// The smallest odd modulus of so many bits.
fn rsa_public(bits: usize, exponent: u32) -> RsaPublicKey {
    let mut modulus = vec![0; bits.div_ceil(8)];
    modulus[0] = 1 << ((bits - 1) % 8);
    *modulus.last_mut().unwrap() |= 1;
    RsaPublicKey::new_unchecked(BoxedUint::from_be_slice_vartime(&modulus), exponent.into())
}

fn pem(label: &str, der: &[u8]) -> String {
    pem_rfc7468::encode_string(label, LineEnding::LF, der).unwrap()
}

fn text(text: impl Into<String>) -> KeyInput {
    KeyInput::Text(text.into())
}

const RSA: &str = "test-key-rsa";
const P256: &str = "test-key-ecc-p256";
const ED25519: &str = "test-key-ed25519";

fn hex(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

/// SPKI by hand: prefix and key (RFC 8410, 4; RFC 5480, 2).
fn spki(name: &str) -> Vec<u8> {
    match public(name) {
        PublicKey::Ed25519(point) => [hex("302a300506032b6570032100"), point.to_vec()].concat(),
        key @ PublicKey::P256 { .. } => {
            [hex("3059301306072a8648ce3d020106082a8648ce3d030107034200"), key.sec1().unwrap().to_vec()].concat()
        }
        PublicKey::Rsa { .. } => rsa_private(name).to_public_key().to_public_key_der().unwrap().into_vec(),
        _ => unreachable!(),
    }
}

fn pkcs1(name: &str) -> Vec<u8> {
    rsa_private(name).to_public_key().to_pkcs1_der().unwrap().into_vec()
}

/// The same bytes, as people paste them.
fn spellings(label: &str, der: &[u8]) -> Vec<String> {
    let one_line = STANDARD.encode(der);
    let armoured = pem(label, der);
    vec![
        armoured.clone(),
        armoured.replace('\n', "\r\n"),
        armoured.replace('\n', "\\n"),
        format!("\u{feff}  {armoured}\n\n"),
        format!("\"{armoured}\""),
        one_line.clone(),
        format!(" {one_line}\r\n"),
        one_line.trim_end_matches('=').to_owned(),
        one_line.replace('+', "-").replace('/', "_"),
        one_line
            .as_bytes()
            .chunks(64)
            .map(|line| String::from_utf8(line.to_vec()).unwrap())
            .collect::<Vec<_>>()
            .join(" \r\n"),
        format!("-----BEGIN {label}-----\n{one_line}\n-----END {label}-----"),
        format!("-----BEGIN {label}-----{one_line}-----END {label}-----"),
    ]
}

#[test]
fn a_public_key_is_read_however_it_is_written() {
    for name in [RSA, "test-key-rsa-pss", P256, ED25519] {
        let jwk = Value::Object(public_members(name));
        let mut ways = spellings("PUBLIC KEY", &spki(name));
        ways.push(jwk.to_string());
        ways.push(format!("\n{jwk:#}\n"));
        if name.contains("rsa") {
            ways.extend(spellings("RSA PUBLIC KEY", &pkcs1(name)));
            // A label that says the other form: common, and harmless.
            ways.extend(spellings("RSA PUBLIC KEY", &spki(name)));
        }
        for way in ways {
            assert_eq!(read(&text(&way)), Ok(public(name)), "{name} as {way}");
        }
        let mut with_more = public_members(name);
        with_more.insert("kid".to_owned(), "theirs".into());
        with_more.insert("x5c".to_owned(), json!(["AA"]));
        assert_eq!(read(&KeyInput::Jwk(with_more)), Ok(public(name)));
    }
}

#[test]
fn an_rsa_pss_key_is_read_unless_it_is_restricted() {
    // AlgorithmIdentifier without parameters, then with (SHA-256, salt 32 would follow).
    let key = [vec![0], pkcs1(RSA)].concat();
    let bits = [hex("0382"), u16::try_from(key.len()).unwrap().to_be_bytes().to_vec(), key].concat();
    let whole = |algorithm: &str| {
        let content = [hex(algorithm), bits.clone()].concat();
        [hex("3082"), u16::try_from(content.len()).unwrap().to_be_bytes().to_vec(), content].concat()
    };

    assert_eq!(read(&text(STANDARD.encode(whole("300b06092a864886f70d01010a")))), Ok(public(RSA)));
    let restricted = read(&text(STANDARD.encode(whole("300d06092a864886f70d01010a3000")))).unwrap_err();
    assert_eq!(restricted.code, ErrorCode::KeyTypeUnsupported);
}

/// Private keys in every format, each with the words that must name it.
fn private_keys() -> Vec<(&'static str, String)> {
    let rsa = rsa_private(RSA);
    let p256 = members(P256);
    let point = public(P256).sec1().unwrap();
    let p256 = EcdsaKeyPair::from_private_key_and_public_key(
        &ECDSA_P256_SHA256_FIXED_SIGNING,
        &decode_base64url(&p256["d"]).unwrap(),
        &point,
    )
    .unwrap();
    let ed = members(ED25519);
    let ed = Ed25519KeyPair::from_seed_and_public_key(
        &decode_base64url(&ed["d"]).unwrap(),
        &decode_base64url(&ed["x"]).unwrap(),
    );
    let ed = ed.unwrap();
    let encrypted = [hex("3050301806092a864886f70d01050d300b0609608648016503040201043402"), vec![0xa5; 51]].concat();
    let pkcs12 = [hex("3040020103303b06092a864886f70d010701"), vec![0xa5; 48]].concat();
    let openssh = [b"openssh-key-v1\0".to_vec(), vec![0xa5; 120]].concat();
    let forms: Vec<(&str, &str, Vec<u8>)> = vec![
        ("PKCS#1", "RSA PRIVATE KEY", rsa.to_pkcs1_der().unwrap().as_bytes().to_vec()),
        ("PKCS#8", "PRIVATE KEY", rsa.to_pkcs8_der().unwrap().as_bytes().to_vec()),
        ("PKCS#8", "PRIVATE KEY", p256.to_pkcs8v1().unwrap().as_ref().to_vec()),
        ("PKCS#8", "PRIVATE KEY", ed.to_pkcs8v1().unwrap().as_ref().to_vec()),
        ("PKCS#8", "PRIVATE KEY", ed.to_pkcs8().unwrap().as_ref().to_vec()),
        ("SEC1", "EC PRIVATE KEY", p256.private_key().as_der().unwrap().as_ref().to_vec()),
        ("encrypted PKCS#8", "ENCRYPTED PRIVATE KEY", encrypted),
        ("OpenSSH", "OPENSSH PRIVATE KEY", openssh),
    ];
    let mut all = vec![("PKCS#12", STANDARD.encode(pkcs12))];
    for (words, label, der) in forms {
        for spelling in spellings(label, &der) {
            all.push((words, spelling));
        }
        // Under a wrong label, without its end, and after a public key.
        all.push((words, pem("PUBLIC KEY", &der)));
        let one_line = STANDARD.encode(&der);
        all.push((words, one_line[..one_line.len() - 9].to_owned()));
        all.push((words, format!("{}{}", pem("PUBLIC KEY", &spki(RSA)), pem(label, &der))));
    }
    for name in [RSA, P256, ED25519] {
        all.push(("JWK with private members", serde_json::to_string(&members(name)).unwrap()));
    }
    all.push(("JWK with private members", json!({"kty": "oct", "k": "c2VjcmV0"}).to_string()));
    all.push(("XML", "<RSAKeyValue><Modulus>AA</Modulus><D>c2VjcmV0</D></RSAKeyValue>".to_owned()));
    all.push(("PuTTY", "PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\nc2VjcmV0".to_owned()));
    all
}

#[test]
fn a_private_key_is_named_and_nothing_of_it_comes_back() {
    for (words, key) in private_keys() {
        let mut inputs = vec![text(&key)];
        if let Ok(Value::Object(members)) = serde_json::from_str(&key) {
            inputs.push(KeyInput::Jwk(members));
        }
        for input in inputs {
            let fault = model::read_key(&input, None, "/app/jwks/keys/0").unwrap_err();
            let problem = serde_json::to_string(&fault.problem("http://localhost", "req")).unwrap();
            let shown = format!("{fault} {fault:?} {problem}");

            assert_eq!(fault.code(), ErrorCode::KeyIsPrivate, "{words}: {key}");
            assert!(fault.text().contains(words), "{words}: {}", fault.text());
            assert!(shown.contains("/app/jwks/keys/0"));
            // No run of twelve characters of the key's own.
            let secret: String =
                key.lines().filter(|line| !line.starts_with("-----") && !line.contains("Key-File")).collect();
            let own = secret.as_bytes().windows(12).filter(|run| run.iter().all(u8::is_ascii_alphanumeric));
            for run in own {
                assert!(!shown.contains(std::str::from_utf8(run).unwrap()), "{words} {}", String::from_utf8_lossy(run));
            }
        }
    }
}

#[test]
fn what_is_no_key_of_ours_is_named() {
    let certificate =
        STANDARD.encode([hex("3030301ca003020102020101300d06092a864886f70d01010b0500300d"), vec![0; 21]].concat());
    let compressed =
        STANDARD.encode([hex("3039301306072a8648ce3d020106082a8648ce3d030107032200"), vec![2], vec![7; 32]].concat());
    let p384 = STANDARD.encode([hex("3076301006072a8648ce3d020106052b8104002203620004"), vec![7; 96]].concat());
    let x25519 = STANDARD.encode([hex("302a300506032b656e032100"), vec![7; 32]].concat());
    let weak = rsa_public(1024, 65_537);
    let large = rsa_public(8201, 65_537);
    let even = rsa_public(2048, 65_538);
    let cases = [
        (ErrorCode::KeyFormatUnknown, "certificate", certificate.clone()),
        (
            ErrorCode::KeyFormatUnknown,
            "certificate",
            format!("-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----"),
        ),
        (
            ErrorCode::KeyFormatUnknown,
            "OpenSSH public key",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJDlVzRu me@home".to_owned(),
        ),
        (ErrorCode::KeyFormatUnknown, "OpenSSH public key", "ecdsa-sha2-nistp256 AAAA".to_owned()),
        (ErrorCode::KeyFormatUnknown, "OpenSSH public key", "AAAAC3NzaC1lZDI1NTE5AAAAIJDlVzRu".to_owned()),
        (
            ErrorCode::KeyFormatUnknown,
            "OpenSSH public key",
            "---- BEGIN SSH2 PUBLIC KEY ----".replace("---- ", "-----").replace(" ----", "-----"),
        ),
        (
            ErrorCode::KeyFormatUnknown,
            "PGP",
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----".to_owned(),
        ),
        (ErrorCode::KeyFormatUnknown, "XML", "<RSAKeyValue><Modulus>AA</Modulus></RSAKeyValue>".to_owned()),
        (ErrorCode::KeyFormatUnknown, "compressed", compressed),
        (ErrorCode::KeyFormatUnknown, "JWK Set", json!({"keys": []}).to_string()),
        (ErrorCode::KeyFormatUnknown, "kty", "{}".to_owned()),
        (ErrorCode::KeyFormatUnknown, "well-formed", "{".to_owned()),
        (ErrorCode::KeyFormatUnknown, "raw bytes", STANDARD.encode([7; 32])),
        (ErrorCode::KeyFormatUnknown, "several", pem("PUBLIC KEY", &spki(RSA)) + &pem("PUBLIC KEY", &spki(P256))),
        (ErrorCode::KeyFormatUnknown, "do not match", "-----BEGIN PUBLIC KEY-----\nAAAA".to_owned()),
        (ErrorCode::KeyFormatUnknown, "damaged", STANDARD.encode(&spki(RSA)[..200])),
        (ErrorCode::KeyFormatUnknown, "damaged", STANDARD.encode([spki(RSA), vec![0]].concat())),
        (ErrorCode::KeyFormatUnknown, "numbers", pem("PUBLIC KEY", even.to_public_key_der().unwrap().as_bytes())),
        (ErrorCode::KeyFormatUnknown, "neither a JWK nor base64", "hello, world".to_owned()),
        (ErrorCode::KeyFormatUnknown, "longer", "A".repeat(20_000)),
        (ErrorCode::KeyFormatUnknown, "empty", " \n ".to_owned()),
        (ErrorCode::KeyTypeUnsupported, "curve", p384),
        (ErrorCode::KeyTypeUnsupported, "type", x25519),
        (
            ErrorCode::KeyTypeUnsupported,
            "curve",
            json!({"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"}).to_string(),
        ),
        (ErrorCode::KeyTypeUnsupported, "8192", STANDARD.encode(large.to_pkcs1_der().unwrap().as_bytes())),
        (ErrorCode::KeyTooWeak, "2048", STANDARD.encode(weak.to_pkcs1_der().unwrap().as_bytes())),
        (ErrorCode::KeyTooWeak, "2048", pem("PUBLIC KEY", weak.to_public_key_der().unwrap().as_bytes())),
        (
            ErrorCode::KeyTooWeak,
            "2048",
            json!({"kty": "RSA", "n": "0vx7agoebGcQSuuPiLJXZptN", "e": "AQAB"}).to_string(),
        ),
        (ErrorCode::KeyFormatUnknown, "member", json!({"kty": "OKP", "crv": "Ed25519", "x": "short"}).to_string()),
        (
            ErrorCode::KeyFormatUnknown,
            "numbers",
            json!({"kty": "EC", "crv": "P-256", "x": "A".repeat(43), "y": "A".repeat(43)}).to_string(),
        ),
    ];
    for (code, words, key) in cases {
        let refused = read(&text(&key)).unwrap_err();

        assert_eq!((refused.code, refused.detail.contains(words)), (code, true), "{words}: {key}: {}", refused.detail);
    }
}

#[test]
fn a_registered_key_is_public_and_named_by_its_thumbprint() {
    let mut given = public_members(ED25519);
    given.insert("kid".to_owned(), "theirs".into());
    let key = model::read_key(&KeyInput::Jwk(given), None, "/key").unwrap();

    assert_eq!(key.kid, "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U");
    assert_eq!(key.jwk.kid.as_deref(), Some(key.kid.as_str()));
    assert_eq!(key.algorithm.as_str(), "ed25519");
}

#[test]
fn the_algorithm_follows_the_key_and_only_rsa_has_a_choice() {
    use quanzi_openapi::signature::Algorithm;
    let read = |name: &str, algorithm| {
        model::read_key(&KeyInput::Jwk(public_members(name)), algorithm, "/key").map(|key| key.algorithm)
    };

    assert_eq!(read(RSA, None).unwrap(), Algorithm::RsaPssSha512);
    assert_eq!(read(RSA, Some(Algorithm::RsaV15Sha256)).unwrap(), Algorithm::RsaV15Sha256);
    assert_eq!(read(P256, None).unwrap(), Algorithm::EcdsaP256Sha256);
    assert_eq!(read(ED25519, Some(Algorithm::RsaV15Sha256)).unwrap_err().code(), ErrorCode::FieldInvalid);
    assert_eq!(read(RSA, Some(Algorithm::Ed25519)).unwrap_err().code(), ErrorCode::FieldInvalid);
}

fn is_a_key_code(outcome: &Result<PublicKey, KeyRefused>) -> bool {
    use ErrorCode::{KeyFormatUnknown, KeyIsPrivate, KeyTooWeak, KeyTypeUnsupported};
    match outcome {
        Ok(_) => true,
        Err(refused) => matches!(refused.code, KeyFormatUnknown | KeyIsPrivate | KeyTooWeak | KeyTypeUnsupported),
    }
}

proptest! {
    #[test]
    fn no_text_panics(pasted in "\\PC{0,300}") {
        prop_assert!(is_a_key_code(&read(&text(&pasted))));
        let armoured = format!("-----BEGIN PUBLIC KEY-----{pasted}-----END PUBLIC KEY-----");
        prop_assert!(is_a_key_code(&read(&text(armoured))));
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(is_a_key_code(&read(&text(STANDARD.encode(&bytes)))));
    }

    #[test]
    fn no_altered_key_panics(place in 0_usize..294, byte: u8, cut in 0_usize..294) {
        let mut der = spki(RSA);
        der[place] = byte;
        let altered = read(&text(STANDARD.encode(&der)));
        der.truncate(cut);
        prop_assert!(is_a_key_code(&altered) && is_a_key_code(&read(&text(STANDARD.encode(&der)))));
    }

    #[test]
    fn no_private_key_in_pieces_is_taken_for_a_public_one(cut in 16_usize..1_100, lead in 0_usize..4) {
        let der = rsa_private(RSA).to_pkcs1_der().unwrap();
        let mut shown = String::new();
        write!(shown, "{}{}", " ".repeat(lead), STANDARD.encode(&der.as_bytes()[..cut])).unwrap();
        prop_assert!(read(&text(shown)).is_err());
    }

    #[test]
    fn no_jwk_panics(kty in "OKP|EC|RSA|oct|\\PC{0,8}", crv in "Ed25519|P-256|\\PC{0,8}", x in "[A-Za-z0-9_-]{0,50}", n in "[A-Za-z0-9_-]{0,400}") {
        let members = json!({"kty": kty, "crv": crv, "x": x, "y": x, "n": n, "e": "AQAB"});
        let Value::Object(members) = members else { unreachable!() };
        prop_assert!(is_a_key_code(&read(&KeyInput::Jwk(members))));
    }
}
