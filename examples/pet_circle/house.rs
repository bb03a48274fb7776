//! Who we are at the gateway: registered once, kept in a folder.
//!
//! Invariant: the key is written before it is registered, so an app that exists is never one whose key is lost.

use std::fs;
use std::path::Path;

use quanzi::apps::{AppChange, NewApp};
use quanzi::authorize::CsrfToken;
use quanzi::circles::{Category, Circle, NewCircle};
use quanzi::content::{NewPost, PostFormat};
use quanzi::gates::{GateRule, NewGate};
use quanzi::id::{AppId, CircleId};
use quanzi::sandbox::NewPartner;
use quanzi::{Client, Key};
use serde::{Deserialize, Serialize};

use crate::Failure;

/// What is on every bag of kibble, and what the gate asks for.
pub const INVITE_CODE: &str = "WHISKERS";

/// What is kept.
#[derive(Serialize, Deserialize)]
struct Papers {
    gateway: String,
    app: AppId,
    circle: CircleId,
    back: String,
    password: String,
}

/// Us.
pub struct House {
    /// Speaks for the brand.
    pub client: Client,
    papers: Papers,
}

impl House {
    /// What the folder holds, or a new registration with a circle and a few posts.
    pub async fn open(gateway: &str, folder: &Path, back: &str) -> Result<Self, Failure> {
        fs::create_dir_all(folder)?;
        let visitor = Client::builder(gateway).user_agent("pet-circle").build()?;
        let (papers_path, key_path) = (folder.join("papers.json"), folder.join("app-key.pem"));
        if papers_path.exists() {
            let mut papers: Papers = serde_json::from_slice(&fs::read(&papers_path)?)?;
            if papers.gateway != gateway {
                return Err(
                    format!("{} belongs to {}: use another PET_CIRCLE_DATA", folder.display(), papers.gateway).into()
                );
            }
            let client = visitor.with_app(papers.app, Key::from_pem(&fs::read_to_string(key_path)?)?);
            if papers.back != back {
                come_back_to(&client, papers.app, back).await?;
                back.clone_into(&mut papers.back);
                write_secret(&papers_path, &serde_json::to_string_pretty(&papers)?)?;
            }
            return Ok(Self { client, papers });
        }
        let key = Key::generate()?;
        write_secret(&key_path, &key.to_pem())?;
        let mut app = NewApp::new("whisker.example", [key.public()]);
        app.redirect_uris = vec![back.into()];
        let partner = NewPartner::new("Whisker & Co", "Whisker Pet Supplies (Hangzhou) Co., Ltd.", app);
        let app = visitor.sandbox().register_partner(partner).await?.app.id;
        let client = visitor.with_app(app, key);
        let circle = furnish(&client).await?.id;
        let password = CsrfToken::new_random_len(9).secret().clone();
        let papers = Papers { gateway: gateway.to_owned(), app, circle, back: back.to_owned(), password };
        write_secret(&papers_path, &serde_json::to_string_pretty(&papers)?)?;
        Ok(Self { client, papers })
    }

    pub const fn circle(&self) -> CircleId {
        self.papers.circle
    }

    /// Opens the owner's door.
    pub fn password(&self) -> &str {
        &self.papers.password
    }
}

async fn come_back_to(client: &Client, app: AppId, back: &str) -> Result<(), Failure> {
    let version = client.apps().get(app).await?.version;
    let mut change = AppChange::default();
    change.redirect_uris = Some(vec![back.into()]);
    client.apps().change(app, change).if_match(version).await?;
    Ok(())
}

/// A circle behind a gate, and something to read.
async fn furnish(client: &Client) -> Result<Circle, Failure> {
    let circle = NewCircle::new("The Whisker Circle")
        .category(Category::Pets)
        .description("Cats, their people, and what we learn from both. Recipes first, photographs always.");
    let circle = client.circles().create(circle).await?;
    let gate = NewGate::new([GateRule::InviteCode { codes: vec![INVITE_CODE.into()] }, GateRule::Approval {}]);
    client.gates().put(circle.id, gate).if_match(circle.gate_version).await?;
    let circle = client.circles().open(circle.id).await?;
    for (title, body) in [
        (
            "Why your cat sits on the newspaper",
            "It is warm, it crackles, and it has your attention.\n\nWe asked forty members. Thirty-one cats prefer the sports \
             pages. The other nine have no newspaper and sit on the keyboard instead.",
        ),
        (
            "Recipe: the salmon moon",
            "A spoonful of steamed salmon, half a spoonful of pumpkin, no salt.\n\nPress it into a small bowl, turn it over, and \
             serve at room temperature. Once a week is a feast; every day is a habit you will regret at five in the morning.",
        ),
        (
            "Meet us at West Lake on Sunday",
            "Ten o'clock, at the pavilion with the green roof. Bring a harness, a blanket and something to share.\n\nShy cats are \
             welcome. Shy people too.",
        ),
    ] {
        let mut post = NewPost::new(body).title(title);
        post.format = Some(PostFormat::Plain);
        let post = client.posts().create(circle.id, post).await?;
        if title.starts_with("Meet") {
            client.posts().pin(post.id).await?;
        }
    }
    Ok(circle)
}

/// Only the owner of the file may read it.
fn write_secret(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}
