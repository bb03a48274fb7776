//! A person's attributes. Pure. Invariant: nothing here prints a credit band.

use std::fmt;

use quanzi_openapi::Time;
use quanzi_openapi::fans::{Nickname, SandboxFan, SandboxFanChange};
use quanzi_openapi::gates::CreditBand;
use quanzi_openapi::id::{FanId, PersonId};
use quanzi_openapi::tips::TipDisclosure;

/// What gates ask of a person.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PersonFacts {
    /// Whether the wallet knows the person's real name.
    pub real_name_verified: bool,
    /// Whether the person is known to be an adult.
    pub adult: bool,
    /// Credit standing, if the person has one.
    pub credit_band: Option<CreditBand>,
}

/// Without the band: debug output ends in logs.
impl fmt::Debug for PersonFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Facts")
            .field("real_name_verified", &self.real_name_verified)
            .field("adult", &self.adult)
            .finish_non_exhaustive()
    }
}

/// A person, and the fan it is to one partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub id: PersonId,
    pub fan: FanId,
    pub nickname: Nickname,
    pub facts: PersonFacts,
    /// How the fan appears among the tippers; until the fan says otherwise, as somebody.
    pub tip_disclosure: TipDisclosure,
    pub version: i64,
    pub created_at: Time,
}

impl Person {
    /// The person as a sandbox tester sees it.
    pub fn invented(self) -> SandboxFan {
        SandboxFan {
            id: self.fan,
            nickname: self.nickname,
            real_name_verified: self.facts.real_name_verified,
            adult: self.facts.adult,
            credit_band: self.facts.credit_band.map(Into::into),
            tip_disclosure: self.tip_disclosure.into(),
            version: self.version,
            created_at: self.created_at,
        }
    }

    /// The person after a change; the same version when nothing changed.
    pub fn changed(&self, change: &SandboxFanChange) -> Self {
        let mut after = self.clone();
        if let Some(nickname) = &change.nickname {
            after.nickname = nickname.clone();
        }
        after.facts.real_name_verified = change.real_name_verified.unwrap_or(after.facts.real_name_verified);
        after.facts.adult = change.adult.unwrap_or(after.facts.adult);
        after.facts.credit_band = change.credit_band.clone().apply(after.facts.credit_band);
        after.tip_disclosure = change.tip_disclosure.unwrap_or(after.tip_disclosure);
        after.counted(self)
    }

    /// The person as a fan that wants to appear like this; the same version when it is so already.
    pub fn disclosed(&self, disclosure: TipDisclosure) -> Self {
        Self { tip_disclosure: disclosure, ..self.clone() }.counted(self)
    }

    fn counted(mut self, before: &Self) -> Self {
        if self != *before {
            self.version += 1;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_of_facts_holds_no_band() {
        let text = |band| format!("{:?}", PersonFacts { real_name_verified: true, adult: true, credit_band: band });

        assert_eq!(text(Some(CreditBand::Gold)), text(None));
        assert!(!text(Some(CreditBand::Gold)).to_lowercase().contains("gold"));
    }
}
