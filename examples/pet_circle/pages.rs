//! What pages show, in the words of templates.

use askama::Template;
use quanzi::comments::{AuthorKind, Comment};
use quanzi::content::Post;
use quanzi::{Currency, Money, Time};

/// Around every page.
pub struct Frame {
    pub code: String,
    pub is_signed_in: bool,
    pub nickname: String,
    pub notice: Option<String>,
    pub is_owner: bool,
}

impl Frame {
    /// When we do not know whose page it is.
    pub const fn for_nobody() -> Self {
        Self { code: String::new(), is_signed_in: false, nickname: String::new(), notice: None, is_owner: false }
    }
}

/// A post, as it is read.
pub struct PostView {
    pub id: String,
    pub title: String,
    pub paragraphs: Vec<String>,
    pub day: String,
    pub pinned: bool,
    pub likes: i64,
    pub comments: i64,
    /// One of four colours.
    pub tone: usize,
}

impl PostView {
    pub fn of(place: usize, post: &Post) -> Self {
        let paragraphs = post.body.split("\n\n").map(str::to_owned).collect();
        Self {
            id: post.id.to_string(),
            title: post.title.as_ref().map_or_else(|| "A note".to_owned(), ToString::to_string),
            paragraphs,
            day: day(post.publish_at.unwrap_or(post.created_at)),
            pinned: post.pinned,
            likes: post.likes,
            comments: post.comments,
            tone: place % 4,
        }
    }

    /// The first paragraph.
    pub fn lead(&self) -> &str {
        self.paragraphs.first().map_or("", String::as_str)
    }
}

pub struct CommentView {
    pub who: String,
    pub is_ours: bool,
    pub text: String,
    pub day: String,
}

impl From<&Comment> for CommentView {
    fn from(comment: &Comment) -> Self {
        let is_ours = comment.author.kind == AuthorKind::Partner;
        let nickname = comment.author.nickname.as_ref().map(ToString::to_string);
        let who =
            if is_ours { "Whisker & Co".to_owned() } else { nickname.unwrap_or_else(|| "A cat person".to_owned()) };
        Self { who, is_ours, text: comment.text.to_string(), day: day(comment.created_at) }
    }
}

/// Where a fan stands.
#[derive(Default)]
pub struct Standing {
    pub is_member: bool,
    pub waits: bool,
    pub membership: String,
    pub role: String,
    pub since: String,
    /// What the fan lets us charge without asking, per tip and day.
    pub allowance: Option<(String, String)>,
}

#[derive(Template)]
#[template(path = "pet_circle/home.html")]
pub struct Home {
    pub frame: Frame,
    pub name: String,
    pub description: String,
    pub operator: String,
    pub standing: Standing,
    pub posts: Vec<PostView>,
}

#[derive(Template)]
#[template(path = "pet_circle/post.html")]
pub struct PostPage {
    pub frame: Frame,
    pub post: PostView,
    pub standing: Standing,
    pub liked: bool,
    pub comments: Vec<CommentView>,
    pub tips: String,
    /// Of the tip and of the comment that are about to be sent: pressed twice, they are sent once.
    pub once: String,
}

#[derive(Template)]
#[template(path = "pet_circle/tip.html")]
pub struct TipPage {
    pub frame: Frame,
    pub amount: String,
    pub status: &'static str,
    pub approval_url: String,
    pub back: String,
    pub waits: bool,
}

/// A fan in the owner's room.
pub struct Waiting {
    pub membership: String,
    pub who: String,
    pub day: String,
}

#[derive(Template)]
#[template(path = "pet_circle/owner.html")]
pub struct Room {
    pub frame: Frame,
    pub posts: Vec<PostView>,
    pub waiting: Vec<Waiting>,
    pub members: usize,
    pub balance: String,
    pub tips: Vec<crate::live::Tip>,
}

#[derive(Template)]
#[template(path = "pet_circle/door.html")]
pub struct Door {
    pub frame: Frame,
}

#[derive(Template)]
#[template(path = "pet_circle/message.html")]
pub struct Message {
    pub frame: Frame,
    pub title: String,
    pub text: String,
}

/// As people write it.
pub fn money(money: Money) -> String {
    let text = money.to_string();
    let number = text.split(' ').next().unwrap_or_default();
    if money.currency == Currency::CNY { format!("¥{number}") } else { text }
}

/// The day, of a time.
pub fn day(time: Time) -> String {
    time.to_string().chars().take(10).collect()
}
