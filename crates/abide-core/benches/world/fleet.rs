//! A thousand clients that know nothing of each other, start at once, and share one limit.

use std::time::Duration;

use abide_core::Policy;
use abide_core::call::Patience;
use abide_core::sim::{Adaptive, Aimd, Caller, Client, EngineClient, Network, Party, PerRequest, Rule, Server, World};

const CLIENTS: u64 = 1_000;
const RATE: u64 = 500;
/// Enough for three minutes at the limit.
const EACH: u64 = 3 * 60 * RATE / CLIENTS;

/// Prints what each kind of client makes of it, and returns the virtual time that it took.
pub(crate) fn print() -> Duration {
    println!(
        "\nfleet: {CLIENTS} clients with {EACH} requests each, one at a time, against a silent {RATE}/s burst 50, 20 ms;"
    );
    println!("from the first minute to the third: accepted of what is allowed, refused, busiest 100 ms over the mean");
    let policy = || Policy { max_wait: Patience::Endless, ..Policy::default() };
    run("engine", |n| EngineClient::new(policy(), n))
        + run("backoff, full jitter", PerRequest::new)
        + run("AWS adaptive", Adaptive::new)
        + run("AIMD", |_| Aimd::new())
}

fn run<C: Client>(name: &str, client: impl Fn(u64) -> C) -> Duration {
    let server = Server::new(Rule::bucket(RATE, Duration::from_secs(1), 50));
    let network = Network::latency(Duration::from_millis(10)).jitter(Duration::from_millis(2));
    let world = World::new(server).network(network).horizon(Duration::from_secs(180)).seed(1);
    let caller = Caller::new(EACH).workers(1);
    let report = world.run_all((0..CLIENTS).map(|n| Party::new(client(n), [caller.clone()])).collect());
    let late = report.after(Duration::from_secs(60));
    let lasted = report.time.as_secs_f64() - 60.0;
    let mean = late.arrived as f64 / lasted / 10.0;
    println!(
        "{name:<34} {:5.1} % {:5.1} % {:6.1}",
        100.0 * late.accepted as f64 / (lasted * RATE as f64),
        100.0 * late.refused as f64 / late.arrived.max(1) as f64,
        late.busiest as f64 / mean
    );
    report.time
}
