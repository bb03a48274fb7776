//! The rules of circles. Pure. A change returns the next circle; a change without effect returns the same circle with the
//! same version.

use std::collections::HashSet;

use quanzi_openapi::circles::{
    Category, Circle, CircleChange, CircleLimits, CircleOperator, CircleRights, CircleStatus, Discoverability,
    Language, NewCircle, NewCircleRights, NewRight, PublishingLimits, Right, Slug,
};
use quanzi_openapi::gates::GateRule;
use quanzi_openapi::id::CircleId;
use quanzi_openapi::{Edit, ErrorCode, Open, Time};

use crate::platform::db::enum_text;
use crate::platform::fault::Fault;

/// The most that a limit per day can be.
pub const PER_DAY_MAX: u16 = 1_000;
/// The language of a circle whose partner does not say.
const LANGUAGE_DEFAULT: &str = "zh-CN";

/// What others must know of a circle before something happens in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CirclePolicy {
    /// Where it stands in its life.
    pub status: CircleStatus,
    /// Limits for its members.
    pub limits: CircleLimits,
    /// Who finds it.
    pub discoverability: Discoverability,
    /// What fans may do in it.
    pub rights: CircleRights,
}

impl CirclePolicy {
    /// Refuses what only an open circle allows.
    pub fn must_be_open(&self) -> Result<(), Fault> {
        match self.status {
            CircleStatus::Open => Ok(()),
            CircleStatus::Closed => Err(Fault::new(ErrorCode::CircleNotOpen).detail("The circle is closed.")),
            _ => Err(ErrorCode::CircleNotOpen.into()),
        }
    }
}

/// The circle to begin with.
pub fn new(id: CircleId, operator: CircleOperator, new: &NewCircle, now: Time) -> Result<Circle, Fault> {
    let limits = new.limits.unwrap_or_default();
    check(limits)?;
    let rights = rights(&new.rights.clone().unwrap_or_default())?;
    Ok(Circle {
        id,
        name: new.name.clone(),
        slug: new.slug.clone().unwrap_or_else(|| slug_of(id)),
        description: new.description.clone(),
        category: new.category.unwrap_or(Category::Other).into(),
        language: new.language.clone().unwrap_or_else(|| Language::from(LANGUAGE_DEFAULT)),
        rules: new.rules.clone(),
        announcement: new.announcement.clone(),
        cover: new.cover.clone(),
        discoverability: new.discoverability.unwrap_or_default().into(),
        status: CircleStatus::Draft.into(),
        operator,
        gate_version: 1,
        limits: limits.into(),
        rights,
        version: 1,
        created_at: now,
        updated_at: now,
        opened_at: None,
        closed_at: None,
    })
}

/// The circle after a change.
pub fn changed(before: &Circle, change: &CircleChange, now: Time) -> Result<Circle, Fault> {
    must_not_be_closed(before)?;
    let mut after = before.clone();
    if let Some(name) = &change.name {
        after.name = name.clone();
    }
    if let Some(slug) = &change.slug {
        after.slug = slug.clone();
    }
    if let Some(category) = change.category {
        after.category = category.into();
    }
    if let Some(language) = &change.language {
        after.language = language.clone();
    }
    if let Some(discoverability) = change.discoverability {
        after.discoverability = discoverability.into();
    }
    match change.limits {
        Edit::Keep => {}
        Edit::Clear => after.limits = CircleLimits::default(),
        Edit::Set(limits) => {
            check(limits)?;
            after.limits = limits.into();
        }
    }
    match &change.rights {
        Edit::Keep => {}
        Edit::Clear => after.rights = CircleRights::default(),
        Edit::Set(new) => after.rights = rights(new)?,
    }
    after.description = change.description.clone().apply(after.description);
    after.rules = change.rules.clone().apply(after.rules);
    after.announcement = change.announcement.clone().apply(after.announcement);
    after.cover = change.cover.clone().apply(after.cover);
    Ok(counted(before, after, now))
}

/// The circle, open.
pub fn opened(before: &Circle, now: Time) -> Result<Circle, Fault> {
    must_not_be_closed(before)?;
    let mut after = before.clone();
    after.status = CircleStatus::Open.into();
    after.opened_at = after.opened_at.or(Some(now));
    Ok(counted(before, after, now))
}

/// The circle, closed.
pub fn closed(before: &Circle, now: Time) -> Circle {
    let mut after = before.clone();
    after.status = CircleStatus::Closed.into();
    after.closed_at = after.closed_at.or(Some(now));
    counted(before, after, now)
}

/// The circle behind a new version of its gate.
pub fn gated(before: &Circle, version: i64, now: Time) -> Result<Circle, Fault> {
    must_not_be_closed(before)?;
    let mut after = before.clone();
    after.gate_version = version;
    Ok(counted(before, after, now))
}

/// Refuses to touch a closed circle.
fn must_not_be_closed(circle: &Circle) -> Result<(), Fault> {
    if circle.status == CircleStatus::Closed { Err(ErrorCode::CircleClosed.into()) } else { Ok(()) }
}

fn check(limits: PublishingLimits) -> Result<(), Fault> {
    for (limit, pointer) in [
        (limits.posts_per_member_per_day, "/limits/posts_per_member_per_day"),
        (limits.comments_per_fan_per_day, "/limits/comments_per_fan_per_day"),
    ] {
        if limit.is_some_and(|limit| limit > PER_DAY_MAX) {
            return Err(Fault::field(pointer, format!("expected a number from 0 to {PER_DAY_MAX}")));
        }
    }
    Ok(())
}

/// Both rights, what is left out with its default.
fn rights(new: &NewCircleRights) -> Result<CircleRights, Fault> {
    let defaults = CircleRights::default();
    Ok(CircleRights {
        post: right(new.post.as_ref(), defaults.post, "/rights/post/rules")?,
        comment: right(new.comment.as_ref(), defaults.comment, "/rights/comment/rules")?,
    })
}

fn right(new: Option<&NewRight>, default: Right, pointer: &str) -> Result<Right, Fault> {
    let Some(new) = new else { return Ok(default) };
    check_right(&new.rules, pointer)?;
    Ok(Right { who: new.who.into(), rules: new.rules.iter().cloned().map(Open::from).collect() })
}

/// Refuses rules that do not make a right of fans, naming the first that is wrong: a right asks about the person alone.
fn check_right(rules: &[GateRule], pointer: &str) -> Result<(), Fault> {
    let invalid = |place: usize, detail: String| {
        Err(Fault::new(ErrorCode::GateRulesInvalid).pointer(format!("{pointer}/{place}")).detail(detail))
    };
    let mut kinds = HashSet::new();
    for (place, rule) in rules.iter().enumerate() {
        let kind = enum_text(&rule.kind());
        if !matches!(rule, GateRule::RealName {} | GateRule::Adult {} | GateRule::CreditBand { .. }) {
            return invalid(
                place,
                format!(
                    "The rule `{kind}` is only for gates: a right can require `real_name`, `adult` or `credit_band`."
                ),
            );
        }
        if !kinds.insert(rule.kind()) {
            return invalid(place, format!("The rule `{kind}` appears twice."));
        }
    }
    Ok(())
}

fn counted(before: &Circle, mut after: Circle, now: Time) -> Circle {
    if after != *before {
        after.version += 1;
        after.updated_at = now;
    }
    after
}

/// The id's own characters, which no other circle has.
fn slug_of(id: CircleId) -> Slug {
    let text = id.to_string();
    let digits = text.rsplit('_').next().unwrap_or_default();
    Slug::from(digits.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use quanzi_openapi::Edit;
    use quanzi_openapi::id::PartnerId;
    use uuid::Uuid;

    const NOW: i64 = 1_800_000_000;

    fn draft(bits: u128) -> Circle {
        let operator = CircleOperator {
            partner: PartnerId::from_uuid(Uuid::from_u128(1)),
            name: "Whisker".into(),
            legal_name: "Whisker Ltd.".into(),
        };
        new(CircleId::from_uuid(Uuid::from_u128(bits)), operator, &NewCircle::new("Cats"), Time::from_seconds(NOW))
            .unwrap()
    }

    fn later(seconds: i64) -> Time {
        Time::from_seconds(NOW + seconds)
    }

    proptest! {
        #[test]
        fn a_slug_made_from_an_id_is_a_slug(bits: u128) {
            let slug = draft(bits).slug;

            prop_assert!(Slug::new(&slug).is_ok());
        }

        #[test]
        fn the_version_counts_changes_and_nothing_leaves_closed(steps in proptest::collection::vec(0_u8..5, 0..12)) {
            let mut circle = draft(7);
            for (second, step) in (1..).zip(steps) {
                let before = circle.clone();
                let mut change = CircleChange::default();
                change.announcement = Edit::Set(format!("now {second}").into());
                let after = match step {
                    0 => opened(&before, later(second)),
                    1 => Ok(closed(&before, later(second))),
                    2 => changed(&before, &change, later(second)),
                    3 => changed(&before, &CircleChange::default(), later(second)),
                    _ => gated(&before, before.gate_version + 1, later(second)),
                };
                let Ok(after) = after else {
                    prop_assert_eq!(before.status, CircleStatus::Closed);
                    continue;
                };
                prop_assert_eq!(after.version - before.version, i64::from(after != before));
                prop_assert!(before.status != CircleStatus::Closed || after.status == CircleStatus::Closed);
                prop_assert_eq!(after.closed_at.is_some(), after.status == CircleStatus::Closed);
                prop_assert!(after.status != CircleStatus::Open || after.opened_at.is_some());
                circle = after;
            }
        }
    }

    #[test]
    fn null_clears_and_absence_keeps() {
        let mut circle = draft(1);
        circle.description = Some("Old".into());
        circle.rules = Some("Be kind".into());
        let change = serde_json::from_value(serde_json::json!({"description": null, "name": "Dogs"})).unwrap();

        let after = changed(&circle, &change, later(1)).unwrap();

        assert_eq!((after.description, after.rules), (None, Some("Be kind".into())));
        assert_eq!((after.name.as_str(), after.version, after.updated_at), ("Dogs", 2, later(1)));
    }

    #[test]
    fn a_limit_above_the_most_names_its_field() {
        for (limits, pointer) in [
            (PublishingLimits::posts_per_member_per_day(PER_DAY_MAX + 1), "/limits/posts_per_member_per_day"),
            (PublishingLimits::default().and_comments(PER_DAY_MAX + 1), "/limits/comments_per_fan_per_day"),
        ] {
            let mut change = CircleChange::default();
            change.limits = Edit::Set(limits);

            let refused = changed(&draft(1), &change, later(1)).unwrap_err();

            assert_eq!((refused.code(), refused.field_pointer()), (ErrorCode::FieldInvalid, Some(pointer)));
        }
    }
}
