//! What a server says of its quota in whole seconds costs nothing: it is hardly ever asked for what it has not, nor left alone for long.

use std::time::Duration;

use abide_core::call::Patience;
use abide_core::policy::Policy;
use abide_core::sim::{Caller, EngineClient, Fields, Network, Rule, Server, Voice, World};
use proptest::prelude::*;

use crate::cases;

fn spoken() -> impl Strategy<Value = Fields> {
    prop::sample::select(vec![Fields::Legacy, Fields::LegacyDelta, Fields::Draft6, Fields::Draft7, Fields::Draft8])
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn a_server_that_says_what_is_left_refuses_hardly_ever_and_is_not_waited_for(
        amount in 12_u64..100,
        secs in prop::sample::select(vec![1_u64, 2, 5, 10, 30, 60]),
        is_fixed in any::<bool>(),
        fields in spoken(),
        workers in prop::sample::select(vec![1_usize, 4, 8]),
        seed in any::<u64>(),
    ) {
        let period = Duration::from_secs(secs);
        let rule = if is_fixed { Rule::fixed(amount, period) } else { Rule::sliding(amount, period) };
        let network = Network::latency(Duration::from_micros(500)).jitter(Duration::from_micros(50));
        let world = World::new(Server::new(rule).says(Voice::of(fields))).network(network).seed(seed);
        let policy = Policy { max_wait: Patience::Endless, ..Policy::default() };
        let report = world.run(EngineClient::new(policy, seed), Caller::new(3 * amount).workers(workers));
        prop_assert_eq!(report.unfinished, 0);
        prop_assert!(report.total.refused == 0, "{} refused", report.total.refused);
        let least = report.least.unwrap();
        // A second is open while one window alone was seen; at the end of each where the server's clock has to be found first.
        let open = if fields == Fields::Legacy { 2_200 } else { 1_200 };
        prop_assert!(report.time <= least + Duration::from_millis(open), "{:?} of {least:?}", report.time);
    }
}
