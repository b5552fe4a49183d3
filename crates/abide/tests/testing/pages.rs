//! Pages as a stream: found, fetched ahead, and stopped where they lead nowhere.

use std::time::Duration;

use abide::testing::{Mock, Reply};
use abide::{Client, Pages};
use serde_json::json;

/// An API with so many pages of two items each, named in the body or by a `Link` field.
fn api(pages: usize, by_link: bool) -> Mock {
    Mock::serve(move |request| {
        let page: usize = request.path().split("page=").nth(1).map_or(1, |number| number.parse().unwrap());
        let items = [json!({"id": page * 2}), json!({"id": page * 2 + 1})];
        let next = (page < pages).then(|| format!("/items?page={}", page + 1));
        let reply = match (by_link, &next) {
            (true, Some(next)) => Reply::json(&items).header("link", format!("<{next}>; rel=\"next\"")),
            (true, None) => Reply::json(&items),
            (false, _) => Reply::json(&json!({"results": items, "next": next})),
        };
        reply.after(Duration::from_secs(1))
    })
}

fn client(mock: &Mock) -> Client {
    Client::builder("https://api.test").mock(mock).bearer("t0ken").build().unwrap()
}

#[derive(Debug, serde::Deserialize, PartialEq)]
struct Item {
    id: usize,
}

#[tokio::test]
async fn items_of_all_pages_come_in_order() {
    for by_link in [true, false] {
        let mock = api(3, by_link);
        let items: Vec<Item> = client(&mock).get("/items").pages(Pages::Auto).items().all().await.unwrap();
        assert_eq!(items.iter().map(|item| item.id).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7]);
        assert!(mock.requests().iter().all(|request| request.header("authorization") == Some("Bearer t0ken")));
    }
}

#[tokio::test]
async fn nothing_is_sent_before_it_is_asked_for_and_one_page_is_fetched_ahead() {
    for (ahead, seen) in [(None, [2, 3]), (Some(0), [1, 2]), (Some(2), [3, 4])] {
        let mock = api(9, true);
        let pages = client(&mock).get("/items").pages(Pages::Auto);
        let mut pages = match ahead {
            Some(ahead) => pages.prefetch(ahead),
            None => pages,
        };
        let settle = async || {
            for _ in 0..200 {
                tokio::task::yield_now().await;
            }
            mock.requests().len()
        };
        assert_eq!(settle().await, 0);
        for requests in seen {
            pages.next().await.unwrap().unwrap();
            assert_eq!(settle().await, requests, "{ahead:?}");
        }
        drop(pages);
        let before = settle().await;
        assert_eq!(settle().await, before, "a stream that is dropped fetches nothing more");
    }
}

#[tokio::test]
async fn a_page_that_is_refused_is_waited_for_and_one_that_fails_ends_the_stream() {
    let replies =
        [Reply::from(429).retry_after(5), Reply::json(&json!({"items": [1], "next": "/2"})), Reply::from(404)];
    let mock = Mock::script(replies);
    let mut items = client(&mock).get("/1").pages(Pages::Auto).items::<u32>();
    assert_eq!(items.next().await.unwrap().unwrap(), 1);
    assert_eq!(items.next().await.unwrap().unwrap_err().status().unwrap().as_u16(), 404);
    assert!(items.next().await.is_none());
    mock.assert_waited(Duration::from_secs(5), "server_wait");
}

#[tokio::test]
async fn pages_that_lead_nowhere_are_an_error_after_the_last_good_page() {
    for (next, words) in [
        (json!("/items"), "in a circle"),
        (json!("https://other.test/2"), "another origin, https://other.test"),
        (json!("eyJ0b2tlbiI6MX0="), "not a URL"),
    ] {
        let mock = Mock::serve(move |_| Reply::json(&json!({"items": [1], "next": next})));
        let mut pages = client(&mock).get("/items").pages(Pages::Auto);
        assert_eq!(pages.next().await.unwrap().unwrap().items::<u32>().unwrap(), [1]);
        let error = pages.next().await.unwrap().unwrap_err();
        assert!(error.is_pages() && error.to_string().contains(words), "{error}");
        assert!(pages.next().await.is_none());
        assert_eq!(mock.requests().len(), 1);
    }
}

#[tokio::test]
async fn another_origin_that_is_allowed_gets_no_credential() {
    let mock = Mock::script([
        Reply::json(&json!({"items": [1], "next": "https://other.test/2"})),
        Reply::json(&json!({"items": [2]})),
    ]);
    let pages = client(&mock).get("/items").pages(Pages::Auto).allow_origin("https://other.test");
    assert_eq!(pages.items::<u32>().all().await.unwrap(), [1, 2]);
    let sent = mock.requests();
    assert_eq!((sent[0].header("authorization"), sent[1].header("authorization")), (Some("Bearer t0ken"), None));
}

#[tokio::test]
async fn an_item_of_another_shape_is_named_with_its_page_and_place() {
    let mock = Mock::script([Reply::json(&json!({"data": {"rows": [1, "two"]}}))]);
    let mut items = client(&mock).get("/x").pages(Pages::None).items_at::<u32>("data.rows").unwrap();
    let error = items.next().await.unwrap().unwrap_err().to_string();
    assert!(error.contains("page 1: an item in body.data.rows"), "{error}");
    assert!(client(&mock).get("/x").pages(Pages::None).items_at::<u32>("a..b").is_err());
}

#[tokio::test]
async fn a_cursor_goes_into_the_query_and_a_number_counts_on() {
    let mock = Mock::script([
        Reply::json(&json!({"items": [1], "meta": {"cursor": "a b"}})),
        Reply::json(&json!({"items": [2], "meta": {"cursor": null}})),
    ]);
    let style: Pages = "cursor=body.meta.cursor send=query.after".parse().unwrap();
    let items = client(&mock).get("/items?q=x").pages(style).items::<u32>();
    assert_eq!(items.all().await.unwrap(), [1, 2]);
    assert_eq!(mock.requests()[1].path(), "/items?q=x&after=a+b");

    let mock = Mock::script([json!([1, 2]), json!([3]), json!([])].map(|page| Reply::json(&page)));
    let style: Pages = "page=query.page size=query.n:2".parse().unwrap();
    assert_eq!(client(&mock).get("/items").pages(style).items::<u32>().all().await.unwrap(), [1, 2, 3]);
    let paths: Vec<String> = mock.requests().iter().map(|request| request.path().to_owned()).collect();
    assert_eq!(paths, ["/items?n=2", "/items?n=2&page=2", "/items?n=2&page=3"]);
}

#[tokio::test]
async fn a_cursor_of_graphql_goes_into_the_body() {
    let page = |more: bool, id: u32| {
        Reply::json(
            &json!({"data": {"issues": {"nodes": [{"id": id}], "pageInfo": {"hasNextPage": more, "endCursor": "c"}}}}),
        )
    };
    let mock = Mock::script([page(true, 1), page(false, 2)]);
    let query = json!({"query": "q", "variables": {"first": 1}});
    let request = client(&mock).post("/graphql").json(&query).idempotent();
    let items = request.pages(Pages::Relay).items_at::<Item>("data.issues.nodes").unwrap();
    assert_eq!(items.all().await.unwrap(), [Item { id: 1 }, Item { id: 2 }]);
    let sent = mock.requests();
    assert!(sent[1].body.ends_with(br#"{"after":"c","first":1}}"#), "{:?}", sent[1].body);
}

#[tokio::test]
async fn a_server_that_heeds_no_page_number_is_not_asked_for_ever() {
    let mock = Mock::serve(|_| Reply::json(&[1, 2]));
    let style: Pages = "page=query.page".parse().unwrap();
    let error = client(&mock).get("/items").pages(style).items::<u32>().all().await.unwrap_err();
    assert!(error.is_pages() && error.to_string().contains("does not heed"), "{error}");
    assert_eq!(mock.requests().len(), 2);
}

/// An API with so many pages of two items, which says how many items there are.
fn counted(pages: usize, wrong: bool) -> Mock {
    Mock::serve(move |request| {
        let page: usize = request.path().split("page=").nth(1).map_or(1, |number| number.parse().unwrap());
        let items = [json!({"id": page * 2}), json!({"id": page * 2 + 1})];
        // A server that leaves pages out is followed where it leads.
        let after = if wrong && page == 3 { 6 } else { page + 1 };
        let next = (page < pages).then(|| format!("/items?page={after}"));
        Reply::json(&json!({"results": items, "count": pages * 2, "next": next})).after(Duration::from_secs(1))
    })
}

#[tokio::test]
async fn pages_that_can_be_foreseen_are_fetched_side_by_side() {
    let mock = counted(9, false);
    let items: Vec<Item> = client(&mock).get("/items").pages(Pages::Auto).prefetch(4).items().all().await.unwrap();
    assert_eq!(items.iter().map(|item| item.id).collect::<Vec<_>>(), (2..20).collect::<Vec<_>>());
    assert_eq!(mock.requests().len(), 9);
    assert!(mock.clock().elapsed() <= Duration::from_secs(5), "{:?}", mock.clock().elapsed());
}

#[tokio::test]
async fn what_was_foreseen_wrongly_is_fetched_in_vain_and_never_read() {
    let mock = counted(9, true);
    let items: Vec<Item> = client(&mock).get("/items").pages(Pages::Auto).prefetch(4).items().all().await.unwrap();
    let expected = (2..8).chain(12..20).collect::<Vec<_>>();
    assert_eq!(items.iter().map(|item| item.id).collect::<Vec<_>>(), expected);
    assert!(mock.requests().len() <= 7 + 4);
}

#[tokio::test]
async fn more_pages_than_may_be_are_an_error_after_those_that_may() {
    let mock = counted(9, false);
    let mut pages = client(&mock).get("/items").pages(Pages::Auto).max_pages(2);
    assert!(pages.next().await.unwrap().is_ok() && pages.next().await.unwrap().is_ok());
    let error = pages.next().await.unwrap().unwrap_err();
    assert!(error.is_pages() && error.to_string().contains("max_pages"), "{error}");
    assert_eq!(mock.requests().len(), 2);
}
