//! Bodies of requests that come as a stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use abide::Client;
use abide::testing::{Mock, Reply};
use bytes::Bytes;
use futures_core::Stream;

struct Parts(Vec<&'static str>);

impl Stream for Parts {
    type Item = std::io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let part = (!self.0.is_empty()).then(|| self.0.remove(0));
        Poll::Ready(part.map(|part| Ok(Bytes::from_static(part.as_bytes()))))
    }
}

#[tokio::test]
async fn a_stream_that_is_kept_is_sent_again() {
    let api = Mock::script([Reply::from(429), Reply::reset(), Reply::from(200)]);
    let client = Client::builder("https://api.test").mock(&api).build().unwrap();
    let response = client.put("/file").body_stream(Parts(vec!["one ", "two"])).send().await.unwrap();
    assert_eq!(response.attempts(), 3);
    assert!(api.requests().iter().all(|request| request.body == "one two"));
}

#[tokio::test]
async fn a_stream_that_is_too_long_is_sent_once_and_the_error_says_so() {
    let api = Mock::script([Reply::reset(), Reply::from(429), Reply::refused_connection()]);
    let client = Client::builder("https://api.test").mock(&api).build().unwrap();
    let send = || client.put("/file").body_stream(Parts(vec!["one ", "two"])).replay_up_to(5).send();
    let error = send().await.unwrap_err();
    assert!(error.is_unrepeatable() && error.to_string().contains("longer than the 5 bytes that were kept"), "{error}");
    let refused = send().await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.attempts()), (429, 1), "a refusal is handed over");
    drop(refused);
    assert!(send().await.unwrap_err().is_unrepeatable());
    assert_eq!(api.requests().len(), 3);
}

#[tokio::test]
async fn a_redirect_that_needs_the_body_again_is_handed_over() {
    let api = Mock::script([Reply::from(307).header("location", "/there")]);
    let client = Client::builder("https://api.test").mock(&api).build().unwrap();
    let request = client.put("/file").body_stream(Parts(vec!["one ", "two"])).replay_up_to(5);
    assert_eq!(request.send().await.unwrap().status().as_u16(), 307);
}
