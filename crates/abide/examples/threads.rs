//! The client for threads: no runtime, and all threads share one budget.
//!
//! `cargo run --example threads --features blocking`

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{io, thread};

use abide::blocking::Client;

/// An API on loopback that refuses its first request.
fn serve() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    let number = Arc::new(AtomicUsize::new(0));
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let number = Arc::clone(&number);
            // A client that goes away is nothing to speak of.
            thread::spawn(move || drop(converse(&stream, &number)));
        }
    });
    Ok(url)
}

fn converse(mut stream: &TcpStream, number: &AtomicUsize) -> io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    while let Some(request) = lines.next().transpose()? {
        for line in lines.by_ref() {
            if line?.is_empty() {
                break;
            }
        }
        let path = request.split(' ').nth(1).unwrap_or("/");
        let (head, body) = match number.fetch_add(1, Ordering::Relaxed) {
            0 => ("429 Too Many Requests\r\nretry-after-ms: 50", String::new()),
            _ => ("200 OK", format!("this is {path}")),
        };
        write!(stream, "HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::builder(serve()?).limit("20/100ms".parse()?).build()?;
    thread::scope(|scope| {
        let threads: Vec<_> = (1..=4)
            .map(|number| {
                let client = &client;
                scope.spawn(move || client.get(format!("/items/{number}")).send()?.text())
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no call panics")).collect::<Result<Vec<_>, _>>()
    })?
    .iter()
    .for_each(|text| println!("{text}"));
    println!("{:#}", client.stats());
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_runs() {
        super::main().unwrap();
    }
}
