//! The places where APIs name their next page, and the signs by which they say that there is one or none: tables of data.

use std::sync::LazyLock;

use crate::place::Path;

/// Where a body names the next page, the most telling first. What stands there is a URL, or an object that holds one.
pub(super) static NEXT: LazyLock<Vec<Path>> = LazyLock::new(|| {
    paths(&[
        "[\"@odata.nextLink\"]", // OData 4
        "[\"odata.nextLink\"]",  // OData 3
        "d.__next",              // OData 2
        "_links.next",           // HAL, Confluence
        "links.next",            // JSON:API, Zendesk
        "links[rel=next]",       // OGC API, STAC, Siren
        "link[relation=next]",   // FHIR
        "next_url",              // datasette, which has a token under `next`
        "next_page_url",         // Laravel
        "nextPageUrl",
        "nextRecordsUrl", // Salesforce
        "nextUrl",
        "nextURL",
        "nextLink", // Azure
        "next_link",
        "next_page", // Zendesk, in its older style
        "nextPage",
        "next", // Django REST framework
        "pagination.next_url",
        "pagination.next_page", // Calendly
        "pagination.next_link",
        "pagination.nextUrl",
        "pagination.nextPage",
        "pagination.nextLink",
        "pagination.next",
        "pagination.links.next",
        "paging.next_url",
        "paging.next_page",
        "paging.next", // Facebook; HubSpot, with an object that holds a token and a link
        "paging.links.next",
        "pages.next", // Intercom
        "page.next",
        "meta.next_url",
        "meta.next_page_url",
        "meta.next_page",
        "meta.next", // Tastypie
        "meta.links.next",
        "meta.pagination.next",
        "meta.pagination.links.next",
        "info.next",
        "view.next",
        "[\"hydra:view\"][\"hydra:next\"]", // API Platform
        "[\"hydra:nextPage\"]",
    ])
});

/// The members of an object at one of these places that may hold the URL.
pub(super) const TARGETS: [&str; 4] = ["href", "url", "link", "$ref"];

/// Header fields that may hold the URL of the next page. Kinto sends the first; GitLab sends a bare number in the second.
pub(super) const HEADERS: [&str; 3] = ["next-page", "x-next-page", "x-next"];

/// Where a body says whether there is more, and the text that means that there is.
pub(super) static MORE: LazyLock<Vec<(Path, &str)>> = LazyLock::new(|| {
    let holders = ["", "meta.", "pagination.", "paging.", "page_info.", "pageInfo."];
    let names = ["has_more", "hasMore", "has_next", "hasNext", "has_next_page", "hasNextPage"];
    let flags = holders.iter().flat_map(|holder| names.map(|name| path(&format!("{holder}{name}"))));
    // Zendesk names a next page even at the end of an incremental export.
    flags.map(|path| (path, "true")).chain([(path("end_of_stream"), "false")]).collect()
});

/// Where a body holds a token that belongs into the next request. It is empty, null or absent at the end.
pub(super) static TOKENS: LazyLock<Vec<Path>> = LazyLock::new(|| {
    paths(&[
        "next_cursor", // Notion
        "nextCursor",
        "next_page_token", // Zoom
        "nextPageToken",   // Google
        "next_token",
        "nextToken",
        "NextToken",                     // AWS
        "response_metadata.next_cursor", // Slack
        "meta.next_cursor",
        "meta.next_token",
        "pagination.next_cursor",
        "pagination.next_token",
        "metadata.continue", // Kubernetes
        "LastEvaluatedKey",  // DynamoDB
    ])
});

fn paths(rows: &[&str]) -> Vec<Path> {
    rows.iter().map(|row| path(row)).collect()
}

fn path(row: &str) -> Path {
    row.parse().expect("a row is a path: the tests below read all of them")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_is_a_path_and_stands_there_once() {
        let rows: Vec<String> =
            NEXT.iter().chain(MORE.iter().map(|(path, _)| path)).chain(TOKENS.iter()).map(Path::to_string).collect();
        assert_eq!(rows.iter().collect::<BTreeSet<_>>().len(), rows.len());
    }
}
