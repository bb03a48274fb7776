//! Apps: OAuth clients of a partner, and the public keys they sign with.
//!
//! A key's id is its RFC 7638 thumbprint, so one key has one name everywhere: `kid`, `keyid`, `cnf.jkt`.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Access, ETAG, Endpoint, Example, Fields, JsonBody, Nothing, Reply, ReplyHeader, Tag, verb};
use crate::error_code::ErrorCode;
use crate::id::AppId;
use crate::jose::{Jwk, PublicKey};
use crate::open::Open;
use crate::page::{Cursor, Limit, Page};
use crate::partners::{WebAddress, etag};
use crate::schema::ToSchema;
use crate::scope::Scope;
use crate::signature::Algorithm;
use crate::text::{Text, Words};
use crate::time::Time;

/// Maximum number of apps of one partner.
pub const APPS_MAX: usize = 50;
/// Maximum number of keys of one app.
pub const KEYS_MAX: usize = 10;
/// Maximum number of redirect URIs of one app.
pub const REDIRECT_URIS_MAX: usize = 20;
/// Maximum number of entries in an allow-list.
pub const ALLOWED_ADDRESSES_MAX: usize = 100;

/// Kind of [`AppName`].
pub enum AppNameWords {}
impl Words for AppNameWords {
    const NAME: &'static str = "AppName";
    const ABOUT: &'static str = "Name of the app, shown on consent pages and in lists.";
    const MAX: usize = 60;
    const EXAMPLE: &'static str = "Whisker circle server";
}
/// Name of an app.
pub type AppName = Text<AppNameWords>;

/// Kind of [`AddressRange`].
pub enum AddressRangeWords {}
impl Words for AddressRangeWords {
    const NAME: &'static str = "AddressRange";
    const ABOUT: &'static str = "An IPv4 or IPv6 address, or a range in CIDR notation.";
    const MAX: usize = 49;
    const EXAMPLE: &'static str = "203.0.113.0/24";
    fn check(text: &str) -> Result<(), &'static str> {
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let bits = match address.parse::<std::net::IpAddr>() {
            Ok(std::net::IpAddr::V4(_)) => 32,
            Ok(std::net::IpAddr::V6(_)) => 128,
            Err(_) => return Err("an IP address, or a range such as 203.0.113.0/24"),
        };
        let fits = length.is_none_or(|text| text.parse::<u8>().is_ok_and(|length| length <= bits));
        if fits { Ok(()) } else { Err("an IP address, or a range such as 203.0.113.0/24") }
    }
}
/// An IP address, or a range in CIDR notation.
pub type AddressRange = Text<AddressRangeWords>;

/// Status of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AppStatus {
    /// The app can be used.
    Active,
    /// The app is suspended: its tokens and keys are refused.
    Suspended,
}

/// An app: an OAuth client of a partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct App {
    /// The app's id, which is also its OAuth `client_id`.
    pub id: AppId,
    /// The app's name.
    #[serde(deserialize_with = "crate::text::as_written")]
    pub name: AppName,
    /// Status of the app.
    #[schema(value_type = AppStatus)]
    pub status: Open<AppStatus>,
    /// The scopes that the app's tokens can have.
    #[schema(value_type = Vec<Scope>)]
    pub scopes: Vec<Open<Scope>>,
    /// Redirect URIs the app may use.
    #[serde(deserialize_with = "crate::text::as_written")]
    pub redirect_uris: Vec<WebAddress>,
    /// IP addresses and ranges the app may be used from; empty means any.
    #[serde(deserialize_with = "crate::text::as_written")]
    pub allowed_addresses: Vec<AddressRange>,
    /// Incremented with each change; the ETag is this number in quotes.
    pub version: i64,
    /// When the app was created.
    pub created_at: Time,
    /// When the app was last changed.
    pub updated_at: Time,
}

impl Example for App {
    fn example() -> Self {
        Self {
            id: AppId::example(),
            name: AppName::example(),
            status: AppStatus::Active.into(),
            scopes: vec![Scope::CirclesRead.into(), Scope::CirclesWrite.into()],
            redirect_uris: vec!["https://whisker.example/signed-in".into()],
            allowed_addresses: vec![AddressRange::example()],
            version: 1,
            created_at: Time::example(),
            updated_at: Time::example(),
        }
    }
}

impl Reply for App {
    const HEADERS: &'static [ReplyHeader] = &[ETAG];

    fn headers(&self) -> Vec<String> {
        vec![etag(self.version)]
    }

    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

/// A public key in any common format: a JWK object, or a string (PEM, base64 DER or one line; SPKI or PKCS#1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum KeyInput {
    /// A JWK (RFC 7517) with public members only.
    Jwk(serde_json::Map<String, serde_json::Value>),
    /// PEM, base64 DER, or a one-line key.
    Text(String),
}

/// A set of keys, as in RFC 7517, section 5; entries may also be strings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyInputs {
    /// One to ten keys.
    #[schema(min_items = 1, max_items = 10)]
    pub keys: Vec<KeyInput>,
}

/// A new app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewApp {
    /// The app's name.
    pub name: AppName,
    /// Its public keys, at least one.
    pub jwks: KeyInputs,
    /// Redirect URIs the app may use; compared character for character.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    pub redirect_uris: Vec<WebAddress>,
    /// The scopes that the app's tokens can have: any scopes of the token that makes the call; all of those when omitted. A
    /// partner's first app may have every scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<Scope>>,
    /// IP addresses and ranges the app may be used from; empty means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub allowed_addresses: Vec<AddressRange>,
}

impl NewApp {
    /// An app with this name and these keys, with every scope of the token that creates it, usable from any address.
    pub fn new(name: impl Into<AppName>, keys: impl IntoIterator<Item = KeyInput>) -> Self {
        Self {
            name: name.into(),
            jwks: KeyInputs { keys: keys.into_iter().collect() },
            redirect_uris: Vec::new(),
            scopes: None,
            allowed_addresses: Vec::new(),
        }
    }
}

impl Example for NewApp {
    fn example() -> Self {
        Self::new(AppName::example(), [example_key()])
    }
}
impl JsonBody for NewApp {}

/// The Ed25519 test key of RFC 9421, B.1.4, as a JWK.
fn example_key() -> KeyInput {
    let members = [("kty", "OKP"), ("crv", "Ed25519"), ("x", "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs")];
    KeyInput::Jwk(members.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect())
}

/// Changes to an app; omitted fields keep their values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AppChange {
    /// The app's name.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = AppName, required = false)]
    pub name: Option<AppName>,
    /// `suspended` suspends the app, `active` reactivates it; an app cannot suspend itself.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = AppStatus, required = false)]
    pub status: Option<AppStatus>,
    /// The scopes that the app's tokens can have. A scope that the app does not have yet must be in the token that makes the
    /// call.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = Vec<Scope>, required = false)]
    pub scopes: Option<Vec<Scope>>,
    /// Redirect URIs the app may use.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = Vec<WebAddress>, required = false, max_items = 20)]
    pub redirect_uris: Option<Vec<WebAddress>>,
    /// IP addresses and ranges the app may be used from; an empty list allows any.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = Vec<AddressRange>, required = false, max_items = 100)]
    pub allowed_addresses: Option<Vec<AddressRange>>,
}

impl Example for AppChange {
    fn example() -> Self {
        Self { allowed_addresses: Some(vec![AddressRange::example()]), ..Self::default() }
    }
}
impl JsonBody for AppChange {}

/// A public key of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct AppKey {
    /// RFC 7638 thumbprint (SHA-256, base64url): `kid` and `keyid`.
    pub kid: String,
    /// The algorithm the key signs requests with.
    #[schema(value_type = Algorithm)]
    pub algorithm: Open<Algorithm>,
    /// The key.
    #[schema(value_type = Jwk)]
    pub jwk: Open<Jwk>,
    /// When it was registered.
    pub created_at: Time,
}

impl Example for AppKey {
    fn example() -> Self {
        let kid = "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U".to_owned();
        let x = b"\x26\xb4\x0b\x8f\x93\xff\xf3\xd8\x97\x11\x2f\x7e\xbc\x58\x2b\x23\x2d\xbd\x72\x51\x7d\x08\x2f\xe8\x3c\xfb\x30\xdd\xce\x43\xd1\xbb";
        let jwk = Jwk::new(PublicKey::Ed25519(*x));
        Self { kid, algorithm: Algorithm::Ed25519.into(), jwk: jwk.into(), created_at: Time::example() }
    }
}

impl Reply for AppKey {
    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

/// All keys of an app; there are at most ten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct AppKeys {
    /// The keys, oldest first.
    pub data: Vec<AppKey>,
}

impl Reply for AppKeys {
    fn example_value() -> serde_json::Value {
        serde_json::json!({ "data": [AppKey::example()] })
    }
}

/// A new key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewAppKey {
    /// The public key.
    pub key: KeyInput,
    /// Only for an RSA key that can sign nothing but PKCS#1 v1.5: `rsa-v1_5-sha256`. Omit it otherwise; the key determines
    /// the algorithm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Algorithm>,
}

impl NewAppKey {
    /// A key to register.
    pub fn new(key: KeyInput) -> Self {
        Self { key, algorithm: None }
    }
}

impl Example for NewAppKey {
    fn example() -> Self {
        Self::new(example_key())
    }
}
impl JsonBody for NewAppKey {}

/// Path of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AppPath {
    /// The app.
    pub app: AppId,
}
impl Fields for AppPath {}

/// Path of an app's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AppKeyPath {
    /// The app.
    pub app: AppId,
    /// The key's thumbprint.
    pub kid: String,
}
impl Fields for AppKeyPath {}

/// Paging of a list of apps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AppsQuery {
    /// Maximum number of entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for AppsQuery {}

/// List your apps
///
/// Oldest first.
#[derive(ToSchema)]
pub struct ListApps;
impl Endpoint for ListApps {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/apps";
    const TAG: Tag = Tag::Apps;
    const ACCESS: Access = Access::Partner(None);
    type Params = Nothing;
    type Query = AppsQuery;
    type Body = Nothing;
    type Reply = Page<App>;
}

/// Create an app
///
/// The app is created with its keys; you can add and remove keys at any time. The app cannot have a scope that the token of
/// the call does not have.
#[derive(ToSchema)]
pub struct CreateApp;
impl Endpoint for CreateApp {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/apps";
    const TAG: Tag = Tag::Apps;
    const ACCESS: Access = Access::Partner(Some(Scope::AppsWrite));
    const STATUS: u16 = 201;
    const FAILS: &'static [ErrorCode] = &[
        ErrorCode::AppLimitReached,
        ErrorCode::ScopeExceeded,
        ErrorCode::KeyFormatUnknown,
        ErrorCode::KeyIsPrivate,
        ErrorCode::KeyTooWeak,
        ErrorCode::KeyTypeUnsupported,
        ErrorCode::KeyExists,
    ];
    type Params = Nothing;
    type Query = Nothing;
    type Body = NewApp;
    type Reply = App;
}

/// Get an app
///
/// The app's keys are listed separately. Send the ETag with your next change.
#[derive(ToSchema)]
pub struct GetApp;
impl Endpoint for GetApp {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/apps/{app}";
    const TAG: Tag = Tag::Apps;
    const ACCESS: Access = Access::Partner(None);
    const FAILS: &'static [ErrorCode] = &[ErrorCode::AppNotFound];
    type Params = AppPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = App;
}

/// Update an app
///
/// Only the fields you send are changed; an update that changes nothing keeps the version. A change of status, scopes or
/// allow-list takes effect on every gateway within two seconds.
#[derive(ToSchema)]
pub struct ChangeApp;
impl Endpoint for ChangeApp {
    type Verb = verb::Patch;
    const PATH: &'static str = "/v1/apps/{app}";
    const TAG: Tag = Tag::Apps;
    const ACCESS: Access = Access::Partner(Some(Scope::AppsWrite));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::AppNotFound, ErrorCode::ScopeExceeded];
    const IF_MATCH: bool = true;
    type Params = AppPath;
    type Query = Nothing;
    type Body = AppChange;
    type Reply = App;
}

/// List the keys of an app
///
/// Oldest first; removed keys are not listed.
#[derive(ToSchema)]
pub struct ListKeys;
impl Endpoint for ListKeys {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/apps/{app}/keys";
    const TAG: Tag = Tag::Apps;
    const ACCESS: Access = Access::Partner(None);
    const FAILS: &'static [ErrorCode] = &[ErrorCode::AppNotFound];
    type Params = AppPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = AppKeys;
}

/// Register a key
///
/// Accepts a JWK, or a PEM, DER or one-line public key (SPKI or PKCS#1): Ed25519, P-256 or RSA of at least 2048 bits. To
/// rotate: register the new key, sign with it, then remove the old one. The token of the call must have every scope of the
/// app, because the holder of the key can do everything the app can.
#[derive(ToSchema)]
pub struct AddKey;
impl Endpoint for AddKey {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/apps/{app}/keys";
    const TAG: Tag = Tag::Apps;
    const ACCESS: Access = Access::Partner(Some(Scope::AppsWrite));
    const STATUS: u16 = 201;
    const FAILS: &'static [ErrorCode] = &[
        ErrorCode::AppNotFound,
        ErrorCode::ScopeExceeded,
        ErrorCode::KeyFormatUnknown,
        ErrorCode::KeyIsPrivate,
        ErrorCode::KeyTooWeak,
        ErrorCode::KeyTypeUnsupported,
        ErrorCode::KeyExists,
        ErrorCode::KeyLimitReached,
    ];
    type Params = AppPath;
    type Query = Nothing;
    type Body = NewAppKey;
    type Reply = AppKey;
}

/// Remove a key
///
/// Signatures and tokens of the key are refused by every gateway within two seconds. The app's last key cannot be removed.
#[derive(ToSchema)]
pub struct RemoveKey;
impl Endpoint for RemoveKey {
    type Verb = verb::Delete;
    const PATH: &'static str = "/v1/apps/{app}/keys/{kid}";
    const TAG: Tag = Tag::Apps;
    const ACCESS: Access = Access::Partner(Some(Scope::AppsWrite));
    const STATUS: u16 = 204;
    const FAILS: &'static [ErrorCode] = &[ErrorCode::AppNotFound, ErrorCode::KeyNotFound, ErrorCode::LastKey];
    type Params = AppKeyPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Nothing;
}
