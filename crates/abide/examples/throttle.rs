//! A throttle for what is not HTTP: jobs at a rate, five at once, by weight, in tasks and in threads.
//!
//! `cargo run --example throttle`

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use abide::Throttle;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Twenty a tenth of a second, of which five may be at work at once.
    let throttle = Throttle::new("20/100ms + concurrency 5".parse()?);
    let (start, at_work, most) = (Instant::now(), Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let jobs: Vec<_> = (0..40)
        .map(|_| {
            let (throttle, at_work, most) = (throttle.clone(), Arc::clone(&at_work), Arc::clone(&most));
            tokio::spawn(async move {
                let _permit = throttle.acquire().await;
                most.fetch_max(at_work.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(5)).await;
                at_work.fetch_sub(1, Ordering::Relaxed);
            })
        })
        .collect();
    for job in jobs {
        job.await?;
    }
    println!("40 jobs in {:?}, {} at once at most", start.elapsed(), most.load(Ordering::Relaxed));

    // Tokens by weight, requests by count; a heavy one is not overtaken.
    let tokens = Throttle::new("1000/100ms by cost + 3/100ms".parse()?);
    for prompt in [400, 500, 700] {
        let start = Instant::now();
        let _permit = tokens.acquire_n(prompt).await?;
        println!("{prompt} tokens after {:?}", start.elapsed());
    }
    if let Err(error) = tokens.acquire_n(5_000).await {
        println!("{error}");
    }

    // Threads stand in the same line, and need no runtime.
    let steady = Throttle::new("even 1/10ms".parse()?);
    let threads: Vec<_> = (0..3)
        .map(|number| {
            let steady = steady.clone();
            std::thread::spawn(move || {
                let _permit = steady.acquire_blocking();
                println!("thread {number} passes");
            })
        })
        .collect();
    for thread in threads {
        thread.join().map_err(|_| "a thread panicked")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_runs() {
        super::main().unwrap();
    }
}
