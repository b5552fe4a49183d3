//! An HTTP API on loopback in this process: a closure is shown each request and gives the answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{HeaderMap, HeaderName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Status, header fields and body.
pub(crate) type Answer = (u16, Vec<(&'static str, String)>, String);

/// Starts the API on a free port and returns its URL. The closure is given the number of the request, from 1, its path with the
/// query, and its header fields.
pub(crate) async fn serve(
    answer: impl Fn(usize, &str, &HeaderMap) -> Answer + Send + Sync + 'static,
) -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let (answer, number) = (Arc::new(answer), Arc::new(AtomicUsize::new(0)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (answer, number) = (Arc::clone(&answer), Arc::clone(&number));
            tokio::spawn(async move {
                let answer = |request: &str| {
                    let path = request.split(' ').nth(1).unwrap_or("/");
                    answer(number.fetch_add(1, Ordering::Relaxed) + 1, path, &headers(request))
                };
                // A client that goes away is nothing to speak of.
                let _ = converse(stream, answer).await;
            });
        }
    });
    Ok(url)
}

async fn converse(mut stream: TcpStream, answer: impl Fn(&str) -> Answer) -> std::io::Result<()> {
    while let Some(request) = read(&mut stream).await? {
        let (status, fields, body) = answer(&request);
        let mut head = format!("HTTP/1.1 {status} -\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).await?;
    }
    Ok(())
}

fn headers(request: &str) -> HeaderMap {
    let fields = request.lines().skip(1).map_while(|line| line.split_once(": "));
    fields.filter_map(|(name, value)| Some((name.parse::<HeaderName>().ok()?, value.parse().ok()?))).collect()
}

/// One request, with the body that its `content-length` announces.
async fn read(stream: &mut TcpStream) -> std::io::Result<Option<String>> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
            if body.len() >= length {
                return Ok(Some(text));
            }
        }
        match stream.read(&mut buffer).await? {
            0 => return Ok(None),
            n => bytes.extend_from_slice(&buffer[..n]),
        }
    }
}
