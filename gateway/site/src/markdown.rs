//! Markdown to HTML: headings with anchors, a table of contents, coloured code, links between guides turned into URLs.
//!
//! Invariant: raw HTML in the source is dropped, so the output contains only HTML that this file writes.

use pulldown_cmark::{CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

use crate::highlight::highlight;

/// A heading in the table of contents.
pub struct Heading {
    /// Anchor.
    pub id: String,
    /// Text.
    pub text: String,
    /// Stands below the heading before.
    pub nested: bool,
}

/// A rendered text.
pub struct Rendered {
    /// HTML.
    pub html: String,
    /// Headings of level two and three.
    pub contents: Vec<Heading>,
}

/// A whole text. Its title (level one) stays out: the page prints it.
pub fn render(source: &str) -> Rendered {
    let mut contents: Vec<Heading> = Vec::new();
    let mut events: Vec<Event<'_>> = Vec::new();
    let mut heading: Option<(HeadingLevel, String, Vec<Event<'_>>)> = None;
    let mut code: Option<(String, String)> = None;
    for event in Parser::new_ext(source, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { level, .. }) => heading = Some((level, String::new(), Vec::new())),
            Event::End(TagEnd::Heading(level)) => {
                let Some((_, text, inner)) = heading.take() else { continue };
                if level == HeadingLevel::H1 {
                    continue;
                }
                let id = free_id(&slug(&text), &contents);
                events.push(raw(format!("<{level} id=\"{id}\">")));
                events.extend(inner);
                events.push(raw(format!(
                    " <a class=\"anchor\" href=\"#{id}\" aria-label=\"Link to this section\">#</a></{level}>\n"
                )));
                if matches!(level, HeadingLevel::H2 | HeadingLevel::H3) {
                    contents.push(Heading { id, text, nested: level == HeadingLevel::H3 });
                }
            }
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = match kind {
                    CodeBlockKind::Fenced(info) => info.split([' ', ',']).next().unwrap_or_default().to_owned(),
                    CodeBlockKind::Indented => String::new(),
                };
                code = Some((language, String::new()));
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some((language, text)) = code.take() {
                    events.push(raw(code_block(&language, &text)));
                }
            }
            Event::Start(Tag::Table(columns)) => {
                events.push(raw("<div class=\"table\" tabindex=\"0\">".to_owned()));
                events.push(Event::Start(Tag::Table(columns)));
            }
            Event::End(TagEnd::Table) => {
                events.push(Event::End(TagEnd::Table));
                events.push(raw("</div>\n".to_owned()));
            }
            Event::Html(_) | Event::InlineHtml(_) => {}
            Event::Text(text) if code.is_some() => {
                if let Some((_, all)) = &mut code {
                    all.push_str(&text);
                }
            }
            other => {
                let other = local_links(other);
                match &mut heading {
                    Some((_, text, inner)) => {
                        if let Event::Text(part) | Event::Code(part) = &other {
                            text.push_str(part);
                        }
                        inner.push(other);
                    }
                    None => events.push(other),
                }
            }
        }
    }
    let mut output = String::new();
    html::push_html(&mut output, events.into_iter());
    Rendered { html: output, contents }
}

/// A few words of Markdown without a paragraph around them.
pub fn inline(source: &str) -> String {
    let mut output = String::new();
    let events = Parser::new(source).filter(|event| {
        !matches!(
            event,
            Event::Html(_) | Event::InlineHtml(_) | Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph)
        )
    });
    html::push_html(&mut output, events);
    output
}

/// A block of code with its language and colours.
pub fn code_block(language: &str, text: &str) -> String {
    let label = match language {
        "sh" | "console" => "Shell",
        "py" | "python" => "Python",
        "mjs" | "js" => "Node",
        "rust" => "Rust",
        "json" => "JSON",
        "http" => "HTTP",
        "toml" => "TOML",
        "sql" => "SQL",
        _ => "",
    };
    format!(
        "<figure class=\"code\"><figcaption>{label}</figcaption><pre tabindex=\"0\"><code>{}</code></pre></figure>\n",
        highlight(language, text.trim_end())
    )
}

fn raw(html: String) -> Event<'static> {
    Event::Html(CowStr::from(html))
}

/// In the repository a guide links to `signing.md`; here that is the page `/docs/signing`.
fn local_links(event: Event<'_>) -> Event<'_> {
    let Event::Start(Tag::Link { link_type, dest_url, title, id }) = event else { return event };
    let dest_url = page_address(&dest_url).map_or(dest_url, CowStr::from);
    Event::Start(Tag::Link { link_type, dest_url, title, id })
}

fn page_address(link: &str) -> Option<String> {
    if link.contains(':') || link.starts_with(['/', '#']) {
        return None;
    }
    let (path, anchor) =
        link.split_once('#').map_or((link, String::new()), |(path, anchor)| (path, format!("#{anchor}")));
    Some(format!("/docs/{}{anchor}", path.strip_suffix(".md").unwrap_or(path)))
}

fn slug(text: &str) -> String {
    let mut slug = String::new();
    for letter in text.chars() {
        if letter.is_alphanumeric() {
            slug.extend(letter.to_lowercase());
        } else if matches!(letter, ' ' | '-' | '_' | '/') && !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

fn free_id(slug: &str, contents: &[Heading]) -> String {
    let taken = |id: &str| contents.iter().any(|heading| heading.id == id);
    let mut id = slug.to_owned();
    let mut number = 1;
    while taken(&id) {
        number += 1;
        id = format!("{slug}-{number}");
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_get_anchors_and_a_place_in_the_contents() {
        let page = render("# Title\n\nText.\n\n## A `code` word\n\n### Deeper\n\n## A code word\n");

        let ids: Vec<&str> = page.contents.iter().map(|heading| heading.id.as_str()).collect();
        assert_eq!(ids, ["a-code-word", "deeper", "a-code-word-2"]);
        assert!(!page.html.contains("Title"));
        assert!(page.html.contains("<h2 id=\"a-code-word\">A <code>code</code> word"));
    }

    #[test]
    fn what_follows_the_language_is_for_others() {
        assert!(render("```rust,no_run\nlet a = 1;\n```").html.contains("<figcaption>Rust</figcaption>"));
    }

    #[test]
    fn raw_html_never_comes_through() {
        let page = render("<script>alert(1)</script>\n\nA <b onclick=x>b</b>.\n\n```sh\n<i>\n```\n");

        assert!(!page.html.contains("<script") && !page.html.contains("<b ") && !page.html.contains("<i>"));
        assert!(page.html.contains("&lt;i&gt;"));
    }

    #[test]
    fn links_between_guides_become_addresses() {
        assert_eq!(page_address("signing.md").as_deref(), Some("/docs/signing"));
        assert_eq!(page_address("signing.md#by-hand").as_deref(), Some("/docs/signing#by-hand"));
        assert_eq!(page_address("signing/sign.sh").as_deref(), Some("/docs/signing/sign.sh"));
        assert_eq!(page_address("/errors"), None);
        assert_eq!(page_address("https://example.com/a.md"), None);
    }
}
