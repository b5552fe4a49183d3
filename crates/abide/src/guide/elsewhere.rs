//! What abide does not do, and what to use then.
//!
//! | you want | use |
//! | --- | --- |
//! | to limit what *your server* takes in | `governor` or `tower_governor`: they refuse, and abide waits |
//! | a limit shared by many machines | a gateway that counts, or a part of the limit for each machine ([`share_of`](crate::ClientBuilder::share_of)) |
//! | answers kept and revalidated (RFC 9111) | `http-cache-reqwest` below, or a caching proxy |
//! | cookies | a cookie store of your own; a `Cookie` field is a credential like others |
//! | WebSockets, server-sent events, gRPC streams | their own clients; a [`Throttle`](crate::Throttle) in front counts what opens one |
//! | multipart forms | build the body with a crate for it, and hand it over with its content type |
//! | HTTP/3 | reqwest's own, while that is unstable |
//! | the response of a server that refuses as it is, now | [`Request::once`](crate::Request::once), or reqwest |
//! | a queue that survives a crash | a job queue; for fetching whole collections, the command `abide pull` has a journal |
//! | requests spread over credentials or addresses to get round a limit | nothing of ours: a limit is somebody's word on what they can bear |
//!
//! A client that needs none of what abide decides (one call, no limit, no retry) is better off with reqwest alone: a call through abide
//! costs some microseconds more.
