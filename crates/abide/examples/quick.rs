//! One call that survives a 429.
//!
//! `cargo run --example quick`

#[path = "support/mock.rs"]
mod mock;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Refuses the first request, and asks for a tenth of a second.
    let api = mock::serve(|number, _, _| match number {
        1 => (429, vec![("retry-after-ms", "100".to_owned())], String::new()),
        _ => (200, vec![], "two items".to_owned()),
    })
    .await?;

    let response = abide::get(format!("{api}/items")).await?.error_for_status()?;
    println!("{} after {}", response.status(), response.account());
    assert_eq!(response.attempts(), 2);
    println!("{}", response.text().await?);
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_runs() {
        super::main().unwrap();
    }
}
