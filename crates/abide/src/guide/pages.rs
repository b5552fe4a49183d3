//! Pages: all of them, or all their items, one after the other.
//!
//! ```no_run
//! use abide::{Client, Pages};
//!
//! # #[derive(serde::Deserialize)] struct Issue;
//! # async fn example(client: Client) -> abide::Result<()> {
//! // All at once.
//! let all: Vec<Issue> = client.get("/issues").pages(Pages::Auto).items().all().await?;
//!
//! // Or one at a time: the next page is fetched while you work, and never more than you ask for.
//! let mut issues = client.get("/issues").pages(Pages::Auto).items::<Issue>();
//! while let Some(issue) = issues.next().await {
//!     let issue = issue?;
//!     # drop(issue);
//! }
//! # drop(all);
//! # Ok(())
//! # }
//! ```
//!
//! # How pages follow each other
//!
//! [`Pages::Auto`](crate::Pages::Auto) finds it out: a `Link` field with `rel=next` (RFC 8288), a next URL in the body, the usual tokens,
//! page numbers and offsets. Where that goes wrong, say it, by a format's name or by where things stand:
//!
//! | text | the next page |
//! | --- | --- |
//! | `link` | the URL of `Link: rel=next` |
//! | `body.paging.next` | the URL there |
//! | `cursor=body.next send=query.after` | the token there, sent as `?after=` |
//! | `page=query.page first=0 size=query.per_page:100` | counts up from 0, until a page is short |
//! | `offset=query.skip total=body.total` | counts records, until all are there |
//! | `stripe`, `mediawiki` | as those do it |
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let style: abide::Pages = "cursor=body.next send=query.after".parse()?;
//! # drop(style);
//! # Ok(())
//! # }
//! ```
//!
//! The items are a top-level array, or the one under `items`, `data`, `results`, `records`, `rows` or `entries`, or the only array of
//! objects; [`items_at`](crate::PageStream::items_at) names another place.
//!
//! # What may go wrong
//!
//! Each page is a call of its own: it waits for limits, is sent again after faults, and comes whole. A page that brings what the page
//! before it brought, and a link that was followed already, end the stream with an error for which
//! [`is_pages`](crate::Error::is_pages) is true; so does a link to another origin, unless
//! [`allow_origin`](crate::PageStream::allow_origin) lets it, and then without a credential.
