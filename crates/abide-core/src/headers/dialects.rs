//! The table of dialects: what vendors say about limits in ways of their own. `HEADERS.md` prints it for people.

use std::time::Duration;

use super::Refusal::{Concurrency, Overload, Quota, Rate};
use super::dialect::{Dialect, Place, Pointers, Rule};
use super::units::Scale::{Millis, Minutes, Seconds};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

const NOT_TOLD: Pointers = Pointers { limit: "", remaining: "", used: "", reset: "" };

pub(super) const DIALECTS: &[Dialect] = &[
    Dialect {
        name: "Airtable",
        hosts: &["api.airtable.com"],
        rules: &[Rule::Pause(secs(30))],
        source: "airtable.com/developers/web/api/rate-limits",
    },
    Dialect {
        name: "Alpha Vantage",
        hosts: &["alphavantage.co"],
        rules: &[
            Rule::Text(200, "API call frequency", Rate),
            Rule::Text(200, "requests per minute", Rate),
            Rule::Text(200, "requests per day", Quota),
        ],
        source: "alphavantage.co/support",
    },
    Dialect {
        name: "AWS",
        hosts: &[],
        rules: &[
            Rule::Unit("x-amz-retry-after", Millis),
            Rule::CodeField("x-amzn-errortype"),
            Rule::CodeField("x-amzn-error-type"),
        ],
        source: "docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html",
    },
    Dialect {
        name: "Azure",
        hosts: &[],
        rules: &[Rule::CodeField("x-ms-error-code")],
        source: "learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling",
    },
    Dialect {
        name: "Baidu AI",
        hosts: &["aip.baidubce.com"],
        rules: &[
            Rule::Code(Place::Body("/error_code"), &["4", "18"], Rate),
            Rule::Code(Place::Body("/error_code"), &["17", "19"], Quota),
        ],
        source: "ai.baidu.com/ai-doc, error codes",
    },
    Dialect {
        name: "Binance",
        hosts: &["binance.com", "binance.us", "binance.vision"],
        rules: &[Rule::Status(418, Rate)],
        source: "developers.binance.com/docs/binance-spot-api-docs/rest-api/limits",
    },
    Dialect {
        name: "Bitfinex",
        hosts: &["bitfinex.com"],
        rules: &[Rule::Code(Place::Body("/1"), &["11010"], Rate)],
        source: "docs.bitfinex.com/docs/abbreviations-glossary",
    },
    Dialect {
        name: "Bybit",
        hosts: &["bybit.com", "bytick.com"],
        rules: &[
            Rule::Alias("x-bapi-limit-status", "x-bapi-limit-remaining"),
            Rule::Code(Place::Body("/retCode"), &["10006", "10018"], Rate),
        ],
        source: "bybit-exchange.github.io/docs/v5/rate-limit",
    },
    Dialect {
        name: "Deezer",
        hosts: &["api.deezer.com"],
        rules: &[Rule::Code(Place::Body("/error/code"), &["4"], Rate)],
        source: "developers.deezer.com/api/errors",
    },
    Dialect {
        name: "Discord",
        hosts: &["discord.com", "discordapp.com"],
        rules: &[Rule::Ignore("x-ratelimit-global")],
        source: "discord.com/developers/docs/topics/rate-limits",
    },
    Dialect {
        name: "Elsevier",
        hosts: &["api.elsevier.com"],
        rules: &[Rule::CodeField("x-els-status")],
        source: "dev.elsevier.com/api_key_settings.html",
    },
    Dialect {
        name: "Etherscan",
        hosts: &["etherscan.io", "bscscan.com", "polygonscan.com", "arbiscan.io"],
        rules: &[Rule::Text(200, "rate limit reached", Rate), Rule::Text(200, "Max daily limit reached", Quota)],
        source: "docs.etherscan.io/support/common-error-messages",
    },
    Dialect {
        name: "Facebook, Instagram",
        hosts: &["graph.facebook.com", "graph.instagram.com", "graph.threads.net"],
        rules: &[
            Rule::Code(
                Place::Body("/error/code"),
                &[
                    "4", "17", "32", "613", "80000", "80001", "80002", "80003", "80004", "80005", "80006", "80008",
                    "80009", "80014",
                ],
                Rate,
            ),
            Rule::Ignore("x-app-usage"),
            Rule::Ignore("x-page-usage"),
            Rule::WaitInJson("x-business-use-case-usage", "estimated_time_to_regain_access", Minutes),
            Rule::WaitInJson("x-ad-account-usage", "reset_time_duration", Seconds),
        ],
        source: "developers.facebook.com/docs/graph-api/overview/rate-limiting",
    },
    Dialect {
        name: "GeoNames",
        hosts: &["geonames.org"],
        rules: &[
            Rule::Code(Place::Body("/status/value"), &["18", "20"], Quota),
            Rule::Code(Place::Body("/status/value"), &["19"], Rate),
        ],
        source: "geonames.org/export/webservice-exception.html",
    },
    Dialect {
        name: "GitHub",
        hosts: &["github.com"],
        rules: &[
            Rule::Epoch("x-ratelimit-reset"),
            Rule::Text(403, "secondary rate limit", Rate),
            Rule::Text(403, "abuse detection mechanism", Rate),
            Rule::Pause(secs(60)),
            Rule::Quota(
                "graphql",
                Pointers {
                    limit: "/data/rateLimit/limit",
                    remaining: "/data/rateLimit/remaining",
                    used: "/data/rateLimit/used",
                    reset: "/data/rateLimit/resetAt",
                },
            ),
            Rule::Cost(Place::Body("/data/rateLimit/cost")),
        ],
        source: "docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api",
    },
    Dialect {
        name: "Google",
        hosts: &["googleapis.com"],
        rules: &[
            Rule::Code(Place::Body("/status"), &["OVER_QUERY_LIMIT"], Rate),
            Rule::Code(Place::Body("/status"), &["OVER_DAILY_LIMIT"], Quota),
        ],
        source: "developers.google.com/workspace/gmail/api/guides/handle-errors",
    },
    Dialect {
        name: "HubSpot",
        hosts: &["hubapi.com", "hubspot.com"],
        rules: &[Rule::Policy("/policyName")],
        source: "developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines",
    },
    Dialect {
        name: "ip-api.com",
        hosts: &["ip-api.com"],
        rules: &[Rule::Alias("x-rl", "x-ratelimit-remaining"), Rule::Alias("x-ttl", "x-ratelimit-reset-after")],
        source: "ip-api.com/docs/api:json",
    },
    Dialect {
        name: "Kraken",
        hosts: &["kraken.com"],
        rules: &[
            Rule::Code(
                Place::Body("/error/*"),
                &["EAPI:Rate limit exceeded", "EOrder:Rate limit exceeded", "EGeneral:Too many requests"],
                Rate,
            ),
            Rule::WaitInText("EService: Throttled: "),
        ],
        source: "docs.kraken.com/api/docs/guides/spot-rest-ratelimits",
    },
    Dialect {
        name: "KuCoin",
        hosts: &[],
        rules: &[Rule::Unit("gw-ratelimit-reset", Millis)],
        source: "kucoin.com/docs/basic-info/request-rate-limit/rest-api",
    },
    Dialect {
        name: "Last.fm",
        hosts: &["audioscrobbler.com"],
        rules: &[Rule::Code(Place::Body("/error"), &["29"], Rate)],
        source: "last.fm/api/errorcodes",
    },
    Dialect {
        name: "Linear",
        hosts: &["api.linear.app"],
        rules: &[
            Rule::Cost(Place::Field("x-complexity")),
            Rule::Code(Place::Body("/errors/*/extensions/code"), &["RATELIMITED"], Rate),
        ],
        source: "linear.app/developers/rate-limiting",
    },
    Dialect {
        name: "Mashery",
        hosts: &[],
        rules: &[
            Rule::CodeField("x-mashery-error-code"),
            Rule::Text(403, "Developer Over Rate", Quota),
            Rule::Text(403, "Developer Over Qps", Rate),
        ],
        source: "docs.mashery.com, error codes",
    },
    Dialect {
        name: "MediaWiki",
        hosts: &["wikipedia.org", "wikimedia.org", "wikidata.org", "wiktionary.org", "mediawiki.org"],
        rules: &[
            Rule::Code(Place::Body("/error/code"), &["maxlag"], Overload),
            Rule::Code(Place::Body("/error/code"), &["ratelimited"], Rate),
        ],
        source: "mediawiki.org/wiki/Manual:Maxlag_parameter",
    },
    Dialect {
        name: "monday.com",
        hosts: &["api.monday.com"],
        rules: &[
            Rule::Code(
                Place::Body("/error_code"),
                &["ComplexityException", "COMPLEXITY_BUDGET_EXHAUSTED", "RateLimitExceeded"],
                Rate,
            ),
            Rule::Code(
                Place::Body("/errors/*/extensions/code"),
                &["COMPLEXITY_BUDGET_EXHAUSTED", "FIELD_MINUTE_RATE_LIMIT_EXCEEDED", "IP_RATE_LIMIT_EXCEEDED"],
                Rate,
            ),
            Rule::Code(Place::Body("/errors/*/extensions/code"), &["DAILY_LIMIT_EXCEEDED"], Quota),
            Rule::WaitInText("reset in "),
            Rule::Quota("complexity", Pointers { remaining: "/data/complexity/after", ..NOT_TOLD }),
            Rule::Cost(Place::Body("/data/complexity/query")),
        ],
        source: "developer.monday.com/api-reference/docs/rate-limits",
    },
    Dialect {
        name: "Okta",
        hosts: &["okta.com", "oktapreview.com", "okta-emea.com"],
        rules: &[Rule::ZeroIsConcurrency],
        source: "developer.okta.com/docs/reference/rl-best-practices",
    },
    Dialect {
        name: "OKX",
        hosts: &["okx.com"],
        rules: &[Rule::Code(Place::Body("/code"), &["50011", "50061"], Rate)],
        source: "okx.com/docs-v5, error codes",
    },
    Dialect {
        name: "Resend",
        hosts: &["api.resend.com"],
        rules: &[
            Rule::Alias("x-resend-daily-quota", "x-resend-daily-quota-used"),
            Rule::Alias("x-resend-monthly-quota", "x-resend-monthly-quota-used"),
        ],
        source: "resend.com/docs/api-reference/rate-limit",
    },
    Dialect {
        name: "SEC EDGAR",
        hosts: &["sec.gov"],
        rules: &[Rule::Text(403, "Request Rate Threshold Exceeded", Rate)],
        source: "sec.gov/os/accessing-edgar-data",
    },
    Dialect {
        name: "Sentry",
        hosts: &[],
        rules: &[Rule::Categories("x-sentry-rate-limits")],
        source: "develop.sentry.dev/sdk/expected-features/rate-limiting",
    },
    Dialect {
        name: "Shopify",
        hosts: &["myshopify.com"],
        rules: &[
            Rule::Status(430, Rate),
            Rule::Code(Place::Body("/errors/*/extensions/code"), &["THROTTLED"], Rate),
            Rule::Quota(
                "graphql",
                Pointers {
                    limit: "/extensions/cost/throttleStatus/maximumAvailable",
                    remaining: "/extensions/cost/throttleStatus/currentlyAvailable",
                    ..NOT_TOLD
                },
            ),
            Rule::Cost(Place::Body("/extensions/cost/actualQueryCost")),
            Rule::Cost(Place::Body("/extensions/cost/requestedQueryCost")),
        ],
        source: "shopify.dev/docs/api/usage/limits",
    },
    Dialect {
        name: "Slack",
        hosts: &["slack.com"],
        rules: &[Rule::Code(Place::Body("/error"), &["ratelimited", "rate_limited"], Rate)],
        source: "docs.slack.dev/apis/web-api/rate-limits",
    },
    Dialect {
        name: "Stack Exchange",
        hosts: &["api.stackexchange.com"],
        rules: &[
            Rule::Quota("daily", Pointers { limit: "/quota_max", remaining: "/quota_remaining", ..NOT_TOLD }),
            Rule::Wait("/backoff", Seconds),
            Rule::WaitInText("more requests available in "),
        ],
        source: "api.stackexchange.com/docs/throttle",
    },
    Dialect {
        name: "Strava",
        hosts: &["strava.com"],
        rules: &[Rule::Windows("ratelimit", &[("15min", secs(900)), ("day", secs(86_400))])],
        source: "developers.strava.com/docs/rate-limits",
    },
    Dialect {
        name: "Stripe",
        hosts: &["api.stripe.com"],
        rules: &[Rule::Code(
            Place::Field("stripe-rate-limited-reason"),
            &["global-concurrency", "endpoint-concurrency"],
            Concurrency,
        )],
        source: "docs.stripe.com/rate-limits",
    },
    Dialect {
        name: "Tencent Cloud",
        hosts: &["tencentcloudapi.com"],
        rules: &[Rule::Code(
            Place::Body("/Response/Error/Code"),
            &["RequestLimitExceeded", "LimitExceeded.Frequency"],
            Rate,
        )],
        source: "cloud.tencent.com/document/api, common error codes",
    },
    Dialect {
        name: "TikTok",
        hosts: &["business-api.tiktok.com"],
        rules: &[Rule::Code(Place::Body("/code"), &["40100"], Rate)],
        source: "business-api.tiktok.com/portal/docs, return codes",
    },
    Dialect {
        name: "Twitter, X",
        hosts: &["twitter.com", "x.com"],
        rules: &[
            Rule::Status(420, Rate),
            Rule::Code(Place::Body("/errors/*/code"), &["88"], Rate),
            Rule::Code(Place::Body("/errors/*/code"), &["185"], Quota),
        ],
        source: "docs.x.com/x-api/fundamentals/rate-limits",
    },
    Dialect {
        name: "VK",
        hosts: &["api.vk.com", "api.vk.ru"],
        rules: &[
            Rule::Code(Place::Body("/error/error_code"), &["6", "9"], Rate),
            Rule::Code(Place::Body("/error/error_code"), &["29"], Quota),
        ],
        source: "dev.vk.com/reference/errors",
    },
    Dialect {
        name: "Walmart",
        hosts: &["walmartapis.com"],
        rules: &[
            Rule::Alias("x-current-token-count", "x-ratelimit-remaining-tokens"),
            Rule::Alias("x-next-replenishment-time", "x-ratelimit-reset-tokens"),
            Rule::Alias("x-next-replenish-time", "x-ratelimit-reset-tokens"),
        ],
        source: "developer.walmart.com/us-marketplace/docs/rate-limiting",
    },
    Dialect {
        name: "WeChat",
        hosts: &["api.weixin.qq.com"],
        rules: &[
            Rule::Code(Place::Body("/errcode"), &["45009"], Quota),
            Rule::Code(Place::Body("/errcode"), &["45011"], Rate),
        ],
        source: "developers.weixin.qq.com, global return codes",
    },
    Dialect {
        name: "Withings",
        hosts: &["wbsapi.withings.net"],
        rules: &[Rule::Code(Place::Body("/status"), &["601"], Rate)],
        source: "developer.withings.com/api-reference, response status",
    },
    Dialect {
        name: "words of a refusal",
        hosts: &[],
        rules: &[
            Rule::Text(403, "rate limit exceeded", Rate),
            Rule::Text(403, "too many requests", Rate),
            Rule::Text(503, "rate limit", Rate),
            Rule::Text(503, "too many requests", Rate),
            // Gmail, Azure; OpenAI, Azure API Management; Django REST framework.
            Rule::WaitInText("retry after "),
            Rule::WaitInText("try again in "),
            Rule::WaitInText("expected available in "),
        ],
        source: "RFC 6585, and what the errors of Gmail, Azure, OpenAI and Django REST framework say",
    },
];
