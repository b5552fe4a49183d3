//! Every key of the file: its name, what may stand behind it, and what it is for. The reader, the schema and the guide go by it.

/// A key of a table.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// For people, in one sentence part.
    pub(super) about: &'static str,
}

/// What may stand behind a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Text,
    /// One text or a list of them.
    Texts,
    Whole,
    /// One whole number or a list of them.
    Wholes,
    Flag,
    /// Where a secret is: `env:NAME`, `file:PATH`, `cmd:COMMAND`.
    Secret,
    /// One or a list of them.
    Secrets,
    /// Any value that JSON has.
    Any,
    /// A table with keys of the user's own.
    Map,
    Table(&'static [Key]),
    /// A text, or a table.
    TextOr(&'static [Key]),
    /// A flag or a text.
    FlagOrText,
    /// A list of tables.
    List(&'static [Key]),
}

const fn key(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key { name, shape, about }
}

pub(super) const FILE: &[Key] = &[
    key("api", Shape::Table(API), "where the API is, and who asks"),
    key("out", Shape::Table(OUT), "where the records go"),
    key("limits", Shape::Table(LIMITS), "how fast requests may leave, and how long they may wait; all of it optional"),
    key("pull", Shape::List(PULL), "an endpoint; as many as wanted"),
];

pub(super) const API: &[Key] = &[
    key("base", Shape::Text, "the beginning of every path; the credentials go to its origin alone"),
    key("auth", Shape::Table(AUTH), "one way to say who asks"),
    key("headers", Shape::Map, "header fields of every request; secret ones as env:NAME, file:PATH or cmd:COMMAND"),
];

pub(super) const AUTH: &[Key] = &[
    key("bearer", Shape::Secrets, "a token; of several, each has its own budget at the server"),
    key("basic", Shape::TextOr(BASIC), "user and password, as ann:env:PASSWORD or as a table"),
    key("api_key", Shape::Map, "a key in a field or in the query, as { \"query.key\" = \"env:KEY\" }"),
    key("oauth2", Shape::Table(OAUTH2), "tokens from a token endpoint, renewed in time"),
    key("netrc", Shape::FlagOrText, "true for ~/.netrc (or the file that NETRC names), or the path of such a file"),
];

pub(super) const BASIC: &[Key] =
    &[key("user", Shape::Text, "the user's name"), key("password", Shape::Secret, "where the password is")];

pub(super) const OAUTH2: &[Key] = &[
    key("token_url", Shape::Text, "the token endpoint"),
    key("id", Shape::Text, "the client's id, or where it is"),
    key("secret", Shape::Secret, "where the client's secret is"),
    key("scope", Shape::Text, "what the token is to allow; several are separated by spaces"),
    key("refresh_token", Shape::Secret, "where a refresh token is, for the grant of this name"),
    key("parameters", Shape::Map, "whatever else the token endpoint wants, such as audience"),
    key("secret_in_body", Shape::Flag, "send id and secret in the body and not as Authorization: Basic"),
];

pub(super) const OUT: &[Key] = &[
    key("to", Shape::Text, "a file, or NAME/ for one file an endpoint; standard output if it is left out"),
    key("format", Shape::Text, "what NAME/ holds: ndjson by default, or csv, ndjson.gz and so on"),
    key("raw", Shape::Text, "a folder for the bodies as they were received"),
];

pub(super) const LIMITS: &[Key] = &[
    key("rate", Shape::Texts, "limits that hold at once, as 10/s or 5000/day; HOST=50/5s for one host"),
    key("concurrency", Shape::Whole, "the most requests in flight to an origin; 8 by default"),
    key("max_wait", Shape::Text, "how long a call may wait for a limit, else exit 75; 1h by default"),
    key("deadline", Shape::Text, "for the whole run, else exit 75"),
    key("pace", Shape::Text, "eager (default), or even: spread over the window"),
    key("share_of", Shape::Text, "use only this share of every limit, as 80%"),
    key("reset", Shape::Text, "what fields such as X-RateLimit-Reset count in: delta, epoch, or ns us ms s min h day"),
    key("learn", Shape::Flag, "find limits that nobody stated: always true"),
    key("start", Shape::Text, "the rate to begin with while nothing is known, as 2/s"),
    key("busy", Shape::Wholes, "statuses that always mean too fast"),
    key("fault", Shape::Wholes, "statuses that always mean a fault that may pass"),
    key("retries", Shape::Whole, "tries again after a fault; 5 by default"),
    key("backoff", Shape::Text, "the first and the longest wait between them, as 500ms..30s"),
    key("timeout", Shape::Text, "for one attempt; by default 30s without a byte"),
];

pub(super) const PULL: &[Key] = &[
    key("name", Shape::Text, "what it is called, and its file or table; by default the last word of its path"),
    key(
        "path",
        Shape::Text,
        "behind the base; {0..9} and {a,b} stand for several, {PARENT.FIELD} for a parent's values",
    ),
    key("url", Shape::Text, "the same, written whole"),
    key("urls", Shape::TextOr(URLS), "a file of URLs, one a line; or a file of rows and a template"),
    key("query", Shape::Map, "pairs of the query"),
    key("method", Shape::Text, "GET by default, POST with a body"),
    key("body", Shape::Any, "the JSON body of the first page's request"),
    key("headers", Shape::Map, "header fields of these requests alone; none of them secret"),
    key("records", Shape::Text, "where the records of a page are, as body.results; auto by default"),
    key("pages", Shape::TextOr(PAGES), "how pages follow each other; auto by default"),
    key("key", Shape::Texts, "what makes a record the same record, as id or [\"tenant\", \"id\"]: each once"),
    key("columns", Shape::Texts, "the columns of a CSV file"),
    key("for", Shape::Text, "the endpoint for whose records this one is asked, one by one"),
    key("keep", Shape::Map, "members taken from the parent, as { issue = \"issues.number\" }"),
    key(
        "on",
        Shape::List(ON),
        "what an answer means where its status alone does not say it; the first that fits counts",
    ),
    key("expect", Shape::Text, "where the server says how many records there are, as body.total; checked at the end"),
    key("max_errors", Shape::Text, "how many requests may be given up before the pull ends, as 1% or 20"),
    key("since", Shape::Table(SINCE), "a later run asks for what is new; for tables with a key"),
    key("max_pages", Shape::Whole, "the most pages of one URL, 1000000 by default; more end with exit 4"),
    key("allow_origin", Shape::Texts, "where next links may lead too, as https://cdn.example.com"),
];

pub(super) const SINCE: &[Key] = &[
    key("field", Shape::Text, "what of a record says when it changed, as updated_at"),
    key("send", Shape::Text, "where a request says from when on, as query.since"),
    key("start", Shape::Any, "what the first run asks from; all there is if it is left out"),
];

pub(super) const URLS: &[Key] = &[
    key("from", Shape::Text, "a file of rows: NAME.csv with a heading, or NAME.ndjson"),
    key("template", Shape::Text, "a URL with the row's {COLUMN} in it"),
];

pub(super) const PAGES: &[Key] = &[
    key("next", Shape::Text, "where the next page's URL is, as body.next"),
    key("cursor", Shape::Text, "where the next page's token is, as body.next_cursor"),
    key("range", Shape::Text, "the same, for ranges: header.next-range"),
    key("last", Shape::Text, "what of the last record names the next page, as record.id"),
    key("page", Shape::Text, "where the page's number goes, as query.page"),
    key("offset", Shape::Text, "where the offset goes, as query.offset"),
    key("merge", Shape::Text, "an object whose members go into the query, as body.continue"),
    key("send", Shape::Text, "where the token goes, as query.cursor, body.cursor or header.range"),
    key("more", Shape::Text, "what says whether there is more, as body.has_more"),
    key("first", Shape::Whole, "the first page's number or offset"),
    key("size", Shape::Text, "where the page size goes, and how much, as query.per_page:100"),
    key("pages", Shape::Text, "where the number of pages is"),
    key("total", Shape::Text, "where the number of records is"),
];

pub(super) const ON: &[Key] = &[
    key("status", Shape::Wholes, "statuses"),
    key("header", Shape::Table(MATCH), "a header field"),
    key("body", Shape::Table(MATCH), "a place in the body"),
    key("do", Shape::Text, "skip, limited, restart, refresh or fail"),
];

pub(super) const MATCH: &[Key] = &[
    key("path", Shape::Text, "the place in the body, or the name of the field"),
    key("is", Shape::Any, "what stands there; if it is left out, anything does"),
];
