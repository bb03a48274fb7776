//! From nothing to an active circle in one program: register, gate, fans, posts. Needs a sandbox gateway
//! (`cargo run --release`) at `QUANZI_URL`, by default `http://127.0.0.1:8080`.

#![expect(clippy::print_stdout, reason = "an example prints its progress")]

use quanzi::apps::NewApp;
use quanzi::circles::{Category, NewCircle};
use quanzi::content::{NewPost, PostsQuery};
use quanzi::gates::{GateRule, NewGate};
use quanzi::memberships::NewMembership;
use quanzi::sandbox::{NewPartner, NewSandboxFan};
use quanzi::{Client, ErrorCode, Key};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("QUANZI_URL").unwrap_or_else(|_| "http://127.0.0.1:8080".to_owned());

    // In a sandbox anyone can register. The private key never leaves this program; the platform gets only the public key.
    let key = Key::generate()?;
    let visitor = Client::builder(&url).user_agent("quickstart").build()?;
    let app = NewApp::new("Circle server", [key.public()]);
    let registered = visitor
        .sandbox()
        .register_partner(NewPartner::new("Whisker & Co", "Whisker Pet Supplies (Hangzhou) Co., Ltd.", app))
        .await?;
    let client = visitor.with_app(registered.app.id, key);
    println!("We are {} ({}), signing as {}.", registered.partner.name, registered.partner.id, registered.app.id);

    // A circle for adults, where we approve everyone who wants to join.
    let circle = client.circles().create(NewCircle::new("Cats of Hangzhou").category(Category::Pets)).await?;
    let gate = NewGate::new([GateRule::Adult {}, GateRule::Approval {}]);
    client.gates().put(circle.id, gate).if_match(circle.gate_version).await?;
    let circle = client.circles().open(circle.id).await?;
    println!("The circle \"{}\" is open; {} is responsible for it.", circle.name, circle.operator.legal_name);

    // Two people ask to join.
    let mei = client.sandbox().create_fan(NewSandboxFan::new("Mei").adult().real_name_verified()).await?;
    let bo = client.sandbox().create_fan(NewSandboxFan::new("Bo")).await?;
    let waiting = client.memberships().join(circle.id, NewMembership::new(mei.id)).await?;
    let member = client.memberships().approve(waiting.id).await?;
    println!("{} waited for approval and is in now, as {}.", mei.nickname, member.id);
    match client.memberships().join(circle.id, NewMembership::new(bo.id)).await {
        Err(refusal) if refusal.is(ErrorCode::GateRefused) => {
            println!("{} was not let in:", bo.nickname);
            for rule in refusal.evaluation().map(|evaluation| evaluation.rules.as_slice()).unwrap_or_default() {
                println!("  {}: {} {}", rule.kind, rule.outcome, rule.advice.as_deref().unwrap_or(""));
            }
        }
        Err(other) => return Err(other.into()),
        Ok(_) => return Err("the gate let somebody in who is not known to be an adult".into()),
    }

    // Two posts: one now and on top, one for tomorrow.
    let welcome = NewPost::new("We meet at the lake at ten. **Bring treats.**").title("First meeting on Sunday");
    let welcome = client.posts().create(circle.id, welcome).await?;
    client.posts().pin(welcome.id).await?;
    let tomorrow = welcome.created_at.plus_seconds(24 * 3600);
    let later = client.posts().create(circle.id, NewPost::new("See you today!").publish_at(tomorrow)).await?;
    println!("One post is published and pinned, another one waits until {tomorrow} ({}).", later.status);

    let mut feed = client.posts().list(circle.id, PostsQuery::default()).stream();
    println!("The feed:");
    while let Some(post) = feed.next().await {
        let post = post?;
        let pin = if post.pinned { "[pinned] " } else { "" };
        println!("  {pin}{}", post.title.as_deref().unwrap_or(&post.body));
    }
    Ok(())
}
