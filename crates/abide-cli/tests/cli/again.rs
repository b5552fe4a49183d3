//! The same pull again, when it is complete, under way, or another one.

use crate::support::{Home, Mock, wait_until};

#[test]
fn a_complete_pull_fetches_nothing() {
    let (home, mock) = (Home::new(), Mock::start(&["--records", "45"]));
    for (url, output, amount) in [("/items", "x.ndjson", "45 records"), ("/items/{0..4}", "x/", "5 files")] {
        let pull = ["pull", &mock.url(url), "-o", output];
        home.run(&pull).expect(0).says(&["complete:", amount]);
        let asked = mock.log().len();
        let again =
            home.run(&pull).expect(0).says(&["is complete since", "UTC", amount, "--if-complete refetch", "--fresh"]);
        assert_eq!((again.stdout.as_str(), mock.log().len()), ("", asked));

        home.run(&[&pull[..], &["--if-complete", "fail"]].concat())
            .expect(1)
            .says(&["is complete since", "--if-complete fail"]);
        assert_eq!(mock.log().len(), asked);
        for flags in [&["--if-complete", "refetch"][..], &["--fresh"]] {
            let before = mock.log().len();
            home.run(&[&pull[..], flags].concat()).expect(0).says(&["complete:", amount]);
            assert_eq!(mock.log().len(), before + asked);
            mock.forget();
        }
        mock.forget();
    }
    assert_eq!(home.read("x.ndjson").lines().count(), 45);
}

#[test]
fn a_summary_is_written_where_nothing_was_fetched_as_well() {
    let (home, mock) = (Home::new(), Mock::start(&["--records", "45"]));
    let pull = ["pull", &mock.url("/items"), "-o", "x.ndjson", "--summary-json", "s.json"];
    for requests in [3, 0] {
        home.run(&pull).expect(0);
        let summary: serde_json::Value = serde_json::from_str(&home.read("s.json")).unwrap();
        assert_eq!((&summary["outcome"], &summary["records"]), (&"complete".into(), &45.into()));
        assert_eq!(summary["requests"], requests);
    }
}

#[test]
fn another_pull_to_the_same_output_is_refused() {
    let (home, mock) = (Home::new(), Mock::start(&["--records", "45"]));
    home.run(&["pull", &mock.url("/items"), "-o", "x.ndjson"]).expect(0);
    let bytes = home.read("x.ndjson");
    let run = |args: &[&str]| home.run(&[args, &["-o", "x.ndjson"]].concat()).expect(2);
    run(&["pull", &mock.url("/items?page=2")]).says(&[
        "belongs to another pull",
        "input was",
        "page=2",
        "-o",
        "--fresh",
    ]);
    run(&["pull", &mock.url("/items"), "--pages", "none"]).says(&["pages was auto, now none"]);
    run(&["pull", &mock.url("/items"), "--records", "items"]).says(&["records was auto, now body.items"]);
    assert_eq!((home.read("x.ndjson"), mock.log().len()), (bytes, 3));
}

#[test]
fn two_pulls_do_not_write_to_one_output() {
    let (home, mock) = (Home::new(), Mock::start(&["--records", "100000", "--latency", "20ms"]));
    for (url, output) in [("/items", "x.ndjson"), ("/items/{0..9999}", "x/")] {
        let url = mock.url(url);
        let pull = ["pull", &url, "-o", output];
        let first = home.start(&pull);
        wait_until("the first pull is under way", || mock.log().len() > 3);
        home.run(&pull).expect(1).says(&["another process is writing this output", "wait until it is done", "-o"]);
        home.run(&[&pull[..], &["--fresh"]].concat()).expect(1).says(&["another process is writing this output"]);
        drop(first);
        mock.forget();
    }
}
