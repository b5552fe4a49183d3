//! What is tried again: by the type of the error, by a predicate, by the *result*, and by combinations of them.
//!
//! `cargo run --example conditions`

#[path = "support/api.rs"]
mod api;

use std::time::Duration;

use abide::Retry;
use abide::retry::{Ending, any_error, error, error_is, fixed, value};
use api::{Api, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let retry = || {
        Retry::new()
            .attempts(4)
            .backoff(fixed(Duration::from_millis(1)))
            .wait_from(Error::retry_after)
            .on_wait(|wait| println!("{wait}"))
    };

    // By result: the export is there when the body does not say "pending" any more.
    let pending = |body: &String| body.ends_with("pending");
    let api = Api::script([Ok("pending"), Err(Error::Timeout), Ok("pending"), Ok("ready")]);
    let export = retry().when(value(pending) | error(Error::is_transient)).run(|| api.get("/export")).await?;
    println!("{export}");

    // If it stays so, the last result comes out with the error.
    let api = Api::script([Ok("pending")]);
    match retry().when(value(pending)).run(|| api.get("/slow")).await {
        Ok(body) => println!("{body}"),
        Err(error) => println!("after {} attempts still {:?}", error.attempts(), error.value()),
    }

    // Everything but one: a refused connection is not worth waiting for.
    let refused = error(|e: &Error| *e == Error::Connect);
    let api = Api::script([Err(Error::Timeout), Err(Error::Connect), Ok("never asked")]);
    match retry().when(any_error() & !refused).run(|| api.get("/health")).await {
        Ok(body) => println!("{body}"),
        Err(error) if error.ending() == Ending::Final => println!("not tried again: {error}"),
        Err(error) => println!("{error}"),
    }

    // By type, also where the error is wrapped.
    let api = Api::script([Err(Error::status(500)), Ok("fine")]);
    println!("{}", retry().when(error_is::<Error>()).run(|| api.get("/typed")).await?);
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_runs() {
        super::main().unwrap();
    }
}
