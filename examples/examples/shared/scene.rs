//! What several examples begin with: a registered partner, an open circle, and a fan who has joined it.

use quanzi::apps::NewApp;
use quanzi::circles::{Circle, NewCircle};
use quanzi::memberships::NewMembership;
use quanzi::sandbox::{NewPartner, NewSandboxFan, SandboxFan};
use quanzi::{Client, Key};

/// A client of a new partner, its circle, and Mei, who is a member.
pub async fn with_a_member(name: &str) -> Result<(Client, Circle, SandboxFan), Box<dyn std::error::Error>> {
    let url = std::env::var("QUANZI_URL").unwrap_or_else(|_| "http://127.0.0.1:8080".to_owned());
    let key = Key::generate()?;
    let visitor = Client::builder(&url).user_agent(name).build()?;
    let app = NewApp::new("Circle server", [key.public()]);
    let new = NewPartner::new("Whisker & Co", "Whisker Pet Supplies (Hangzhou) Co., Ltd.", app);
    let registered = visitor.sandbox().register_partner(new).await?;
    let client = visitor.with_app(registered.app.id, key);

    let circle = client.circles().create(NewCircle::new("Cats of Hangzhou")).await?;
    let circle = client.circles().open(circle.id).await?;
    let mei = client.sandbox().create_fan(NewSandboxFan::new("Mei").adult()).await?;
    client.memberships().join(circle.id, NewMembership::new(mei.id)).await?;
    Ok((client, circle, mei))
}
