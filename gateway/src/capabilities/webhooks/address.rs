//! Which addresses events may be sent to. Invariant: a connection is made only to an address that was checked here, after
//! resolution: so no host name, however it is spelt and whatever it resolves to next, leads into our own network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use quanzi_openapi::ErrorCode;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::platform::config::Config;
use crate::platform::fault::Fault;

/// Who may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Public addresses, by https.
    Public,
    /// Those, and loopback, there by http too: a sandbox on a laptop.
    PublicAndLoopback,
}

/// The name has an address that we do not connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the address {0} is private, local or reserved")]
pub struct AddressForbidden(pub IpAddr);

/// The name has no address.
#[derive(Debug, thiserror::Error)]
#[error("the name could not be resolved")]
pub struct NotResolved(#[source] pub Option<std::io::Error>);

/// IPv4 networks (address, bits of prefix) that are not somebody's on the Internet: the IANA special-purpose registry, multicast,
/// and a cloud's own machines on a public address.
const FORBIDDEN_V4: &[([u8; 4], u32)] = &[
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([168, 63, 129, 16], 32),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 31, 196, 0], 24),
    ([192, 52, 193, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([192, 175, 48, 0], 24),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];
/// The one IPv6 network that is handed out (2000::/3); NAT64, unique local, link-local, multicast and mapped ones are outside.
const GLOBAL_V6: (u16, u32) = (0x2000, 3);
/// What inside it carries other addresses or nobody's: IETF protocols with Teredo, documentation, 6to4.
const FORBIDDEN_V6: &[([u16; 2], u32)] =
    &[([0x2001, 0x0000], 23), ([0x2001, 0x0db8], 32), ([0x2002, 0x0000], 16), ([0x3fff, 0x0000], 20)];

impl Reach {
    /// Of this deployment.
    pub fn of(config: &Config) -> Self {
        if config.mode.is_sandbox() { Self::PublicAndLoopback } else { Self::Public }
    }

    /// Refuses an address that is not in reach.
    pub fn check(self, address: IpAddr) -> Result<(), AddressForbidden> {
        // ::ffff:127.0.0.1 is 127.0.0.1, for the system too.
        let address = address.to_canonical();
        if self == Self::PublicAndLoopback && address.is_loopback() {
            return Ok(());
        }
        let forbidden = match address {
            IpAddr::V4(address) => is_forbidden_v4(address),
            IpAddr::V6(address) => is_forbidden_v6(address),
        };
        if forbidden { Err(AddressForbidden(address)) } else { Ok(()) }
    }

    /// Refuses a URL that can be seen to be out of reach without asking anybody. Names are looked at again when they are resolved.
    pub fn check_url(self, text: &str) -> Result<Url, Fault> {
        let refuse = |detail: String| Fault::new(ErrorCode::WebhookUrlForbidden).pointer("/url").detail(detail);
        let url = Url::parse(text).map_err(|_| refuse("The URL cannot be parsed.".to_owned()))?;
        let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        if !plain {
            return Err(refuse("A URL with a user name, password or fragment is not allowed.".to_owned()));
        }
        if url.port() == Some(0) {
            return Err(refuse("Port 0 is not allowed.".to_owned()));
        }
        let is_local = match url.host() {
            Some(Host::Ipv4(address)) => self.check_literal(address.into()).map_err(refuse)?,
            Some(Host::Ipv6(address)) => self.check_literal(address.into()).map_err(refuse)?,
            Some(Host::Domain(name)) => self.check_name(name).map_err(refuse)?,
            None => return Err(refuse("The URL has no host.".to_owned())),
        };
        match url.scheme() {
            "https" => Ok(url),
            "http" if is_local => Ok(url),
            _ => Err(refuse("The URL must start with https://.".to_owned())),
        }
    }

    /// Whether the literal is loopback, when it is in reach.
    fn check_literal(self, address: IpAddr) -> Result<bool, String> {
        self.check(address).map_err(|error| format!("{error}."))?;
        Ok(address.to_canonical().is_loopback())
    }

    /// Whether the name is loopback, when it may be asked for at all.
    fn check_name(self, name: &str) -> Result<bool, String> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let ends = |suffix: &str| name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        if ends("localhost") {
            return if self == Self::PublicAndLoopback { Ok(true) } else { Err(format!("{name} is this machine.")) };
        }
        let is_public = name.contains('.') && !["local", "internal", "home.arpa", "onion"].iter().any(|end| ends(end));
        if is_public { Ok(false) } else { Err(format!("{name} is not a public name.")) }
    }
}

fn is_forbidden_v4(address: Ipv4Addr) -> bool {
    let bits = u32::from(address);
    FORBIDDEN_V4.iter().any(|(network, prefix)| (bits ^ u32::from_be_bytes(*network)) >> (32 - prefix) == 0)
}

fn is_forbidden_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let bits = u32::from(first) << 16 | u32::from(second);
    let (global, prefix) = GLOBAL_V6;
    let is_global = (first ^ global) >> (16 - prefix) == 0;
    let within = |([one, two], prefix): &([u16; 2], u32)| {
        (bits ^ (u32::from(*one) << 16 | u32::from(*two))) >> (32 - prefix) == 0
    };
    !is_global || FORBIDDEN_V6.iter().any(within)
}

/// Resolves names to addresses in reach. One address out of reach refuses the name: honest names have none.
#[derive(Debug, Clone, Copy)]
pub struct Resolver(pub Reach);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Self(reach) = *self;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let addresses: Vec<SocketAddr> = found.map_err(|error| NotResolved(Some(error)))?.collect();
            if addresses.is_empty() {
                return Err(NotResolved(None).into());
            }
            for address in &addresses {
                reach.check(address.ip())?;
            }
            let addresses: Addrs = Box::new(addresses.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUT_OF_REACH: &[&str] = &[
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.100.100.200",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.0.9",
        "168.63.129.16",
        "169.254.169.254",
        "169.254.170.2",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.0.192",
        "192.0.2.1",
        "192.31.196.1",
        "192.52.193.1",
        "192.88.99.1",
        "192.168.1.1",
        "192.175.48.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.7",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "::10.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::a00:1",
        "100::1",
        "2001::1",
        "2001:0:7f00:1::",
        "2001:2::1",
        "2001:10::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2002:a9fe:a9fe::",
        "3fff::1",
        "3fff:fff::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::a9fe:a9fe",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
    ];
    const IN_REACH: &[&str] = &[
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.1",
        "168.63.129.17",
        "169.253.255.255",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.1",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "203.0.112.255",
        "223.255.255.255",
        "::ffff:8.8.8.8",
        "2606:4700:4700::1111",
        "2001:4860:4860::8888",
        "2001:200::1",
        "2003::1",
        "2a00:1450::1",
        "3ffe::1",
    ];

    #[test]
    fn addresses_that_are_nobodys_on_the_internet_are_out_of_reach() {
        for text in OUT_OF_REACH {
            let address: IpAddr = text.parse().unwrap();
            assert!(Reach::Public.check(address).is_err(), "{text}");
            let loopback = address.to_canonical().is_loopback();
            assert_eq!(Reach::PublicAndLoopback.check(address).is_ok(), loopback, "{text}");
        }
        for text in IN_REACH {
            assert_eq!(Reach::Public.check(text.parse().unwrap()), Ok(()), "{text}");
        }
    }

    #[test]
    fn a_live_gateway_refuses_urls_that_lead_inside_however_they_are_spelt() {
        for url in [
            "http://partner.example.com/",
            "http://127.0.0.1/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://017700000001/",
            "https://0/",
            "https://127.0.0.1./",
            "https://%31%32%37.0.0.1/",
            "https://１２７.0.0.1/",
            "https://127。0。0。1/",
            "https://[::1]/",
            "https://[::]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://[0:0:0:0:0:ffff:a9fe:a9fe]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[fe80::1]/",
            "https://[fd00::1]/",
            "https://169.254.169.254/latest/meta-data/",
            "https://2852039166/",
            "https://100.100.100.200/",
            "https://localhost/",
            "https://LOCALHOST/",
            "https://localhost./",
            "https://a.localhost/",
            "https://ⓛocalhost/",
            "https://gateway/",
            "https://gateway./",
            "https://db.internal/",
            "https://metadata.google.internal/",
            "https://printer.local/",
            "https://printer.local./",
            "https://router.home.arpa/",
            "https://x.onion/",
            "https://user@partner.example.com/",
            "https://user:password@partner.example.com/",
            "https://:password@partner.example.com/",
            "https://partner.example.com/#there",
            "https://partner.example.com:0/",
            "https://partner.example.com:65536/",
            "ftp://partner.example.com/",
            "file:///etc/passwd",
            "gopher://partner.example.com/",
            "javascript:alert(1)",
            "data:text/plain,x",
            "//partner.example.com/",
            "/hooks",
            "",
            "https://",
            "https:///",
            "https://[::1",
            "unix:/run/x",
        ] {
            let refused = Reach::Public.check_url(url).expect_err(url);
            assert_eq!(
                (refused.code(), refused.field_pointer()),
                (ErrorCode::WebhookUrlForbidden, Some("/url")),
                "{url}"
            );
        }
    }

    #[test]
    fn public_urls_are_taken_everywhere_and_loopback_in_a_sandbox_only() {
        for url in [
            "https://hooks.partner.example.com/quanzi?x=1",
            "https://hooks.partner.example.com:8443/",
            "https://partner.example.com./",
            "https://8.8.8.8/",
            "https://[2606:4700:4700::1111]/",
            "https://圈子.example.com/",
            "https://not-localhost.com/",
        ] {
            assert!(Reach::Public.check_url(url).is_ok(), "{url}");
            assert!(Reach::PublicAndLoopback.check_url(url).is_ok(), "{url}");
        }
        for url in [
            "http://127.0.0.1:9000/hooks",
            "https://127.0.0.1:9000/",
            "http://localhost:9000/",
            "http://[::1]:9000/",
            "http://127.8.8.8/",
            "http://hooks.localhost/",
        ] {
            assert!(Reach::PublicAndLoopback.check_url(url).is_ok(), "{url}");
        }
        for url in [
            "http://hooks.partner.example.com/",
            "http://10.0.0.1/",
            "https://10.0.0.1/",
            "https://[::ffff:10.0.0.1]/",
            "https://gateway/",
        ] {
            assert!(Reach::PublicAndLoopback.check_url(url).is_err(), "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_that_resolves_into_our_network_is_refused() {
        let name = || "localhost".parse::<Name>().unwrap();

        let refused = Resolver(Reach::Public).resolve(name()).await.err().unwrap();
        let found = Resolver(Reach::PublicAndLoopback).resolve(name()).await.unwrap();

        assert!(refused.downcast_ref::<AddressForbidden>().is_some());
        assert!(found.into_iter().all(|address| address.ip().is_loopback()));
    }
}
