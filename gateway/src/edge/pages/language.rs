//! The languages of the pages, and how they format numbers and times. Pure.

use quanzi_openapi::{Currency, Money, Time};

/// A language of the page. Everybody else reads English.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    English,
    /// In simplified characters.
    Chinese,
}

impl Language {
    /// The supported language a browser prefers (`Accept-Language`, RFC 9110, 12.5.4).
    pub fn of(accepted: &str) -> Self {
        let mut best = (0, Self::English);
        for range in accepted.split(',') {
            let (tag, rest) = range.split_once(';').unwrap_or((range, ""));
            let weight = rest.trim().strip_prefix("q=").map_or(1_000, thousandths);
            let language = match tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "zh" => Self::Chinese,
                "en" | "*" => Self::English,
                _ => continue,
            };
            if weight > best.0 {
                best = (weight, language);
            }
        }
        best.1
    }

    /// For the `lang` attribute.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-Hans",
        }
    }

    /// Of two texts, the one in this language.
    pub const fn text<'t>(self, english: &'t str, chinese: &'t str) -> &'t str {
        match self {
            Self::English => english,
            Self::Chinese => chinese,
        }
    }

    /// An amount as people write it: all decimals of the currency, thousands in groups, the sign in front.
    pub fn money(self, money: Money) -> String {
        let decimals = money.currency.decimals() as usize;
        let digits = format!("{:0width$}", money.amount.unsigned_abs(), width = decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        let mut text = String::from(if money.amount < 0 { "-" } else { "" });
        text.push_str(self.sign(money.currency));
        for (place, digit) in whole.chars().enumerate() {
            if place > 0 && (whole.len() - place).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        if decimals > 0 {
            text.push('.');
            text.push_str(fraction);
        }
        text
    }

    /// In Chinese ¥ is the renminbi, and $ could be many; in English the code beside the amount tells yuan and yen apart.
    const fn sign(self, currency: Currency) -> &'static str {
        match (self, currency) {
            (_, Currency::CNY) | (Self::English, Currency::JPY) => "¥",
            (Self::Chinese, Currency::JPY) => "JP¥",
            (Self::English, Currency::USD) => "$",
            (Self::Chinese, Currency::USD) => "US$",
            (_, Currency::EUR) => "€",
            (_, Currency::KWD) => "KWD\u{a0}",
            // A currency of a later contract has no sign here; its code is shown beside the amount.
            _ => "",
        }
    }

    /// A day and a minute, in UTC: where the fan is we do not know.
    pub fn moment(self, time: Time) -> String {
        let text = time.to_string();
        let part = |from, to| text.get(from..to).unwrap_or_default();
        let minute = part(11, 16);
        match self {
            Self::English => format!("{} {} {}, {minute} UTC", number(part(8, 10)), month(part(5, 7)), part(0, 4)),
            Self::Chinese => {
                format!("{}年{}月{}日 {minute}（UTC）", part(0, 4), number(part(5, 7)), number(part(8, 10)))
            }
        }
    }

    /// How long from now; at least a minute.
    pub fn minutes(self, seconds: i64) -> String {
        let minutes = seconds.saturating_add(59).div_euclid(60).max(1);
        match self {
            Self::English if minutes == 1 => "1 minute".to_owned(),
            Self::English => format!("{minutes} minutes"),
            Self::Chinese => format!("{minutes} 分钟"),
        }
    }
}

/// A weight of at most 1 with up to three decimals; what is no weight weighs nothing.
fn thousandths(text: &str) -> u16 {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_weight = matches!(whole, "0" | "1") && fraction.len() <= 3 && fraction.bytes().all(|b| b.is_ascii_digit());
    if !is_weight {
        return 0;
    }
    let fraction: u16 = format!("{fraction:0<3}").parse().unwrap_or_default();
    if whole == "1" { 1_000 } else { fraction }
}

fn number(digits: &str) -> &str {
    digits.trim_start_matches('0')
}

fn month(digits: &str) -> &'static str {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let index = digits.parse::<usize>().unwrap_or(1).saturating_sub(1);
    MONTHS.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_one_a_browser_likes_best() {
        for (accepted, language) in [
            ("", Language::English),
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese),
            ("ZH", Language::Chinese),
            ("en-GB,en;q=0.9,zh;q=0.8", Language::English),
            ("de-DE,de;q=0.9,zh;q=0.5,en;q=0.4", Language::Chinese),
            ("fr", Language::English),
            ("en;q=0.2, zh;q=0.3", Language::Chinese),
            ("zh;q=0", Language::English),
            ("zh;q=0.0,en;q=0", Language::English),
            ("zh;q=nonsense", Language::English),
            ("*, zh;q=0.5", Language::English),
            (",,;;q=1", Language::English),
        ] {
            assert_eq!(Language::of(accepted), language, "{accepted}");
        }
    }

    #[test]
    fn an_amount_has_the_sign_and_the_decimals_of_its_currency() {
        for (amount, currency, english, chinese) in [
            (1_000, Currency::CNY, "¥10.00", "¥10.00"),
            (5, Currency::USD, "$0.05", "US$0.05"),
            (123_456_789, Currency::EUR, "€1,234,567.89", "€1,234,567.89"),
            (1_000, Currency::JPY, "¥1,000", "JP¥1,000"),
            (1_234, Currency::KWD, "KWD\u{a0}1.234", "KWD\u{a0}1.234"),
            (0, Currency::JPY, "¥0", "JP¥0"),
            (-100_000, Currency::CNY, "-¥1,000.00", "-¥1,000.00"),
        ] {
            let money = Money::new(amount, currency);

            assert_eq!(
                (Language::English.money(money), Language::Chinese.money(money)),
                (english.into(), chinese.into())
            );
        }
        assert_eq!(Language::English.money(Money::new(i64::MIN, Currency::JPY)), "-¥9,223,372,036,854,775,808");
    }

    #[test]
    fn times_are_written_as_people_do() {
        let time: Time = "2026-03-07T08:05:59Z".parse().unwrap();

        assert_eq!(Language::English.moment(time), "7 March 2026, 08:05 UTC");
        assert_eq!(Language::Chinese.moment(time), "2026年3月7日 08:05（UTC）");
        assert_eq!(
            (Language::English.minutes(1), Language::English.minutes(61)),
            ("1 minute".into(), "2 minutes".into())
        );
        assert_eq!(Language::Chinese.minutes(1_800), "30 分钟");
    }
}
