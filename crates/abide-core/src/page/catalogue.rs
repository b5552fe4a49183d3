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

/// Where a body says whether there is no more.
pub(super) const END: &str = "end_of_stream";

/// Where a body says whether there is more, and the text that means that there is.
pub(super) static MORE: LazyLock<Vec<(Path, &str)>> = LazyLock::new(|| {
    let holders = ["", "meta.", "pagination.", "paging.", "page_info.", "pageInfo."];
    let names = ["has_more", "hasMore", "has_next", "hasNext", "has_next_page", "hasNextPage"];
    let flags = holders.iter().flat_map(|holder| names.map(|name| path(&format!("{holder}{name}"))));
    // Zendesk names a next page even at the end of an incremental export.
    flags.map(|path| (path, "true")).chain([(path(END), "false")]).collect()
});

/// Where a body holds a token that belongs into the next request, and the query key that it goes into, where there is one. The
/// token is empty, null or absent at the end.
pub(super) static TOKENS: LazyLock<Vec<(Path, Option<&str>)>> = LazyLock::new(|| {
    let rows = [
        ("next_cursor", "cursor"),
        ("nextCursor", "cursor"),
        ("nextPageToken", "pageToken"),    // Google
        ("next_page_token", "page_token"), // MLflow
        ("next_token", "next_token"),
        ("nextToken", "nextToken"),
        ("NextToken", "NextToken"),                  // AWS
        ("response_metadata.next_cursor", "cursor"), // Slack
        ("meta.next_cursor", "cursor"),
        ("meta.next_token", "next_token"),
        ("meta.cursor.next", "cursor"),
        ("pagination.next_cursor", "cursor"),
        ("pagination.nextCursor", "cursor"),
        ("pagination.next_token", "next_token"),
        ("paging.next.after", "after"),    // HubSpot
        ("paging.cursors.after", "after"), // Facebook
        ("metadata.continue", "continue"), // Kubernetes
        ("next_page.offset", "offset"),    // Asana
        ("cursors.after", "after"),
        ("cursor.next", "cursor"),
    ];
    let by_query = rows.into_iter().map(|(row, key)| (path(row), Some(key)));
    // DynamoDB takes its object back in a body.
    by_query.chain([(path("LastEvaluatedKey"), None)]).collect()
});

/// Header fields that hold a token or a number, and the query key that it goes into.
pub(super) const HEADER_TOKENS: [(&str, &str); 4] =
    [("x-next-page", "page"), ("x-next-cursor", "cursor"), ("next-cursor", "cursor"), ("nextpagetoken", "pageToken")];

/// Header fields that hold the number of pages.
pub(super) const HEADER_PAGES: [&str; 3] = ["x-total-pages", "x-wp-totalpages", "x-pagination-page-count"];

/// Header fields that hold the number of records. Kinto sends the last.
pub(super) const HEADER_TOTALS: [&str; 5] =
    ["x-total-count", "x-total", "x-wp-total", "x-pagination-total-count", "total-records"];

/// The objects, beside the body itself, in which bodies say which page they are.
pub(super) static HOLDERS: LazyLock<Vec<Path>> = LazyLock::new(|| {
    paths(&["meta", "meta.pagination", "pagination", "paging", "page", "pageInfo", "page_info", "info"])
});

/// The members of these objects that hold the number of the page.
pub(super) const PAGE: [&str; 8] =
    ["page", "current_page", "currentPage", "page_number", "pageNumber", "number", "page_no", "pageNo"];
/// The number of pages.
pub(super) const PAGES: [&str; 10] = [
    "total_pages",
    "totalPages",
    "last_page",
    "lastPage",
    "pages",
    "page_count",
    "pageCount",
    "num_pages",
    "numPages",
    "nb_pages",
];
/// The keys in which a request for a page may name its number.
pub(super) const PAGE_KEYS: [&str; 8] =
    ["page", "_page", "p", "page_number", "pageNumber", "page[number]", "currentPage", "paged"];
/// The number of records before the page, which a request names in the same way.
pub(super) const OFFSET: [&str; 4] = ["offset", "skip", "startAt", "start"];
/// Keys of URLs that name the number of records before the page.
pub(super) const OFFSET_KEYS: [&str; 12] = [
    "offset",
    "skip",
    "startAt",
    "start",
    "_start",
    "from",
    "startIndex",
    "start_index",
    "startindex",
    "page[offset]",
    "$skip",
    "$offset",
];
/// How many records a page may hold.
pub(super) const LIMIT: [&str; 7] = ["limit", "maxResults", "per_page", "page_size", "pageSize", "size", "rows"];
/// How many records there are.
pub(super) const TOTAL: [&str; 8] =
    ["total", "total_count", "totalCount", "count", "totalResults", "total_results", "totalItems", "numFound"];
/// The same in places that say nothing else: OData 4, OData 2, OGC API, datasette, JSON:API.
pub(super) const ODD_TOTALS: [&str; 6] = [
    "[\"@odata.count\"]",
    "d.__count",
    "numberMatched",
    "filtered_table_rows_count",
    "meta.page.total",
    "meta.record-count",
];

fn paths(rows: &[&str]) -> Vec<Path> {
    rows.iter().map(|row| path(row)).collect()
}

pub(super) fn path(row: &str) -> Path {
    row.parse().expect("a row is a path: the tests read all of them")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_is_a_path_and_stands_there_once() {
        let rows: Vec<String> = NEXT
            .iter()
            .chain(MORE.iter().map(|(path, _)| path))
            .chain(TOKENS.iter().map(|(path, _)| path))
            .map(Path::to_string)
            .collect();
        assert_eq!(rows.iter().collect::<BTreeSet<_>>().len(), rows.len());
    }
}
