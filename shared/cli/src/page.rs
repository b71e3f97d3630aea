//! A page that needs nothing else: it can be sent, printed and kept.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The page, in HTML. It loads nothing and runs nothing.
pub(crate) fn page(title: &str, style: &str, content: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(style)) }
            }
            body { main { (content) } }
        }
    };
    page.into_string()
}
