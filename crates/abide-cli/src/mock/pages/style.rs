//! The ways to page that the mock knows: one table, from which it serves, its help is written, and its tests are made.

/// How a request says which page it wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// A token in the query, under this key.
    Token(&'static str),
    /// A token in the JSON body, at this pointer.
    BodyToken(&'static str),
    /// A number in the query, under this key; the first page has this one.
    Number(&'static str, u64),
    /// The number of records before the page, in the query under this key.
    Start(&'static str),
    /// The id of the last record before the page, in the query under this key.
    After(&'static str),
    /// The same in the field `Range`, as in `id ]19..`.
    Range,
}

/// A way to page. What is said stands in templates, in which these words are replaced:
///
/// | word | by |
/// | --- | --- |
/// | `{next}` | the token of the next page or its URL, as JSON |
/// | `{raw}`, `{last}` | the same without quotes, and the URL of the last page |
/// | `{total}`, `{pages}` | how many records and pages there are |
/// | `{number}`, `{start}`, `{size}` | the number of the page, of its first record, and how many records it may hold |
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) name: &'static str,
    /// One line for the help.
    pub(super) about: &'static str,
    pub(super) at: At,
    /// What stands before and behind the records.
    pub(super) around: (&'static str, &'static str),
    /// What stands in every body behind that; in those with a next page; in those without.
    pub(super) always: &'static str,
    pub(super) next: &'static str,
    pub(super) end: &'static str,
    /// Whether the next page is named by its URL, and from where on that is written.
    pub(super) url: Option<Written>,
    /// A field of every answer, and one of those with a next page.
    pub(super) field: Option<(&'static str, &'static str)>,
    pub(super) next_field: Option<(&'static str, &'static str)>,
    /// What `abide pull` has to be told; nothing where it sees for itself.
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests of the mock pull each style with it"))]
    pub(super) pull: &'static [&'static str],
}

/// How much of a URL is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// All of it.
    Whole,
    /// From the path on.
    Path,
    /// Relative to the folder of the page.
    Relative,
}

const PLAIN: Style = Style {
    name: "",
    about: "",
    at: At::Token("cursor"),
    around: ("{\"items\":[", "]"),
    always: "}",
    next: "",
    end: "",
    url: None,
    field: None,
    next_field: None,
    pull: &[],
};

const LIST: Style = Style { around: ("[", "]"), always: "", ..PLAIN };

/// A query for the style `relay`.
const QUERY: &str = "{\"query\":\"query($after: String) { items(after: $after) { nodes { id } } }\",\"variables\":{}}";

/// All of them.
pub(super) const STYLES: [Style; 22] = [
    Style {
        name: "link",
        about: "Link: next and last (GitHub)",
        at: At::Number("page", 1),
        url: Some(Written::Whole),
        next_field: Some(("link", "<{raw}>; rel=\"next\", <{last}>; rel=\"last\"")),
        ..LIST
    },
    Style {
        name: "link-relative",
        about: "Link without a host (docker registry)",
        at: At::After("last"),
        url: Some(Written::Path),
        next_field: Some(("link", "<{raw}>; rel=next")),
        ..PLAIN
    },
    Style {
        name: "next",
        about: "next, with a count (Django REST framework)",
        at: At::Number("page", 1),
        url: Some(Written::Whole),
        around: ("{\"results\":[", "]"),
        always: ",\"count\":{total}}",
        next: ",\"next\":{next}",
        end: ",\"next\":null",
        ..PLAIN
    },
    Style {
        name: "odata",
        about: "@odata.nextLink, relative",
        at: At::Token("$skiptoken"),
        url: Some(Written::Relative),
        around: ("{\"value\":[", "]"),
        next: ",\"@odata.nextLink\":{next}",
        ..PLAIN
    },
    Style {
        name: "hal",
        about: "_links.next.href",
        at: At::Token("after"),
        url: Some(Written::Path),
        around: ("{\"_embedded\":{\"items\":[", "]}"),
        next: ",\"_links\":{\"self\":{\"href\":\"/items\"},\"next\":{\"href\":{next}}}",
        end: ",\"_links\":{\"self\":{\"href\":\"/items\"}}",
        ..PLAIN
    },
    Style {
        name: "jsonapi",
        about: "links.next (JSON:API)",
        at: At::Number("page[number]", 1),
        url: Some(Written::Whole),
        around: ("{\"data\":[", "]"),
        next: ",\"links\":{\"next\":{next},\"last\":\"{last}\"}",
        end: ",\"links\":{\"next\":null}",
        ..PLAIN
    },
    Style {
        name: "ogc",
        about: "links[rel=next] (OGC API, STAC)",
        at: At::Start("offset"),
        url: Some(Written::Whole),
        around: ("{\"type\":\"FeatureCollection\",\"features\":[", "]"),
        always: ",\"numberMatched\":{total}}",
        next: ",\"links\":[{\"rel\":\"self\",\"href\":\"/items\"},{\"rel\":\"next\",\"href\":{next}}]",
        end: ",\"links\":[{\"rel\":\"self\",\"href\":\"/items\"}]",
        ..PLAIN
    },
    Style {
        name: "header",
        about: "a URL in Next-Page (Kinto)",
        at: At::Token("_token"),
        url: Some(Written::Whole),
        around: ("{\"data\":[", "]"),
        next_field: Some(("next-page", "{raw}")),
        ..PLAIN
    },
    Style {
        name: "cursor",
        about: "next_cursor",
        next: ",\"next_cursor\":{next}",
        end: ",\"next_cursor\":null",
        ..PLAIN
    },
    Style {
        name: "has-more",
        about: "next_cursor while has_more",
        next: ",\"has_more\":true,\"next_cursor\":{next}",
        end: ",\"has_more\":false,\"next_cursor\":\"stale\"",
        ..PLAIN
    },
    Style {
        name: "slack",
        about: "response_metadata.next_cursor, empty at the end",
        next: ",\"response_metadata\":{\"next_cursor\":{next}}",
        end: ",\"response_metadata\":{\"next_cursor\":\"\"}",
        ..PLAIN
    },
    Style {
        name: "google",
        about: "nextPageToken",
        at: At::Token("pageToken"),
        next: ",\"nextPageToken\":{next}",
        ..PLAIN
    },
    Style {
        name: "cursor-header",
        about: "a token in X-Next-Cursor",
        next_field: Some(("x-next-cursor", "{raw}")),
        ..LIST
    },
    Style {
        name: "cursor-body",
        about: "POST: start_cursor in the body (Notion)",
        at: At::BodyToken("/start_cursor"),
        around: ("{\"results\":[", "]"),
        next: ",\"has_more\":true,\"next_cursor\":{next}",
        end: ",\"has_more\":false,\"next_cursor\":null",
        pull: &[
            "--method",
            "POST",
            "--body",
            "{\"page_size\":20}",
            "--pages",
            "cursor=body.next_cursor send=body.start_cursor more=body.has_more",
        ],
        ..PLAIN
    },
    Style {
        name: "stripe",
        about: "starting_after the last id",
        at: At::After("starting_after"),
        around: ("{\"object\":\"list\",\"data\":[", "]"),
        next: ",\"has_more\":true",
        end: ",\"has_more\":false",
        pull: &["--pages", "stripe"],
        ..PLAIN
    },
    Style {
        name: "mediawiki",
        about: "continue goes into the query",
        at: At::Token("apcontinue"),
        around: ("{\"query\":{\"allpages\":[", "]}"),
        next: ",\"continue\":{\"apcontinue\":{next},\"continue\":\"-||\"}",
        pull: &["--records", "query.allpages"],
        ..PLAIN
    },
    Style {
        name: "page",
        about: "page=1…, pages counted in a field (WordPress)",
        at: At::Number("page", 1),
        field: Some(("x-wp-totalpages", "{pages}")),
        ..LIST
    },
    Style {
        name: "page-zero",
        about: "page=0…, pages counted in the body (Spring)",
        at: At::Number("page", 0),
        around: ("{\"content\":[", "]"),
        always: ",\"page\":{\"number\":{number},\"totalPages\":{pages}}}",
        ..PLAIN
    },
    Style {
        name: "page-only",
        about: "page=1… until one is empty",
        at: At::Number("page", 1),
        pull: &["--pages", "page=query.page"],
        ..LIST
    },
    Style {
        name: "offset",
        about: "startAt and total (Jira)",
        at: At::Start("startAt"),
        around: ("{\"values\":[", "]"),
        always: ",\"startAt\":{start},\"maxResults\":{size},\"total\":{total}}",
        ..PLAIN
    },
    Style {
        name: "range",
        about: "206, Next-Range goes into Range (Heroku)",
        at: At::Range,
        next_field: Some(("next-range", "{raw}")),
        pull: &["--pages", "range=header.next-range send=header.range"],
        ..LIST
    },
    Style {
        name: "relay",
        about: "POST: GraphQL's pageInfo",
        at: At::BodyToken("/variables/after"),
        around: ("{\"data\":{\"items\":{\"nodes\":[", "]"),
        always: "}}}",
        next: ",\"pageInfo\":{\"hasNextPage\":true,\"endCursor\":{next}}",
        end: ",\"pageInfo\":{\"hasNextPage\":false,\"endCursor\":\"stale\"}",
        pull: &["--method", "POST", "--body", QUERY],
        ..PLAIN
    },
];

impl Style {
    /// Whether a page is known by a number that can be counted on, so that no token is needed to ask for it.
    pub(super) fn is_counted(&self) -> bool {
        matches!(self.at, At::Number(..) | At::Start(_))
    }

    /// Whether the answer says that there is a next page, and not only how many there are.
    pub(super) fn names_next(&self) -> bool {
        !self.next.is_empty() || self.next_field.is_some()
    }

    /// Whether the body says how many records or pages there are.
    pub(super) fn counts(&self) -> bool {
        self.always.contains("{total}") || self.always.contains("{pages}")
    }
}
