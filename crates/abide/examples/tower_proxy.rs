//! A reverse proxy: hyper in front, hyper beneath, and between them the limits of the API, which all who go through it share.
//!
//! `cargo run --example tower_proxy --features tower`

#[path = "support/mock.rs"]
mod mock;

use abide::tower::{Layer, RequestBody, ResponseBody};
use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tower::{Service, ServiceExt};
use tower_layer::Layer as _;

type Answer = Response<Either<ResponseBody, Full<Bytes>>>;

/// Sends a request on to the API. What can't be had is said with the status that fits.
async fn forward<S>(service: S, api: Uri, mut request: Request<Incoming>) -> Result<Answer, http::Error>
where
    S: Service<Request<Incoming>, Response = Response<ResponseBody>, Error = abide::Error>,
{
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = format!("{}{path}", api.to_string().trim_end_matches('/')).try_into()?;
    request.headers_mut().remove(http::header::HOST);
    Ok(match service.oneshot(request).await {
        Ok(response) => response.map(Either::Left),
        Err(error) => {
            let status = if error.is_limited() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::BAD_GATEWAY };
            Response::builder().status(status).body(Either::Right(Full::from(error.to_string())))?
        }
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api = mock::serve(|number, path, _| match number {
        3 => (429, vec![("retry-after-ms", "50".to_owned())], String::new()),
        _ => (200, vec![], format!("this is {path}")),
    })
    .await?;
    let layer = Layer::builder(&api).limit("50/s".parse()?).build()?;
    let below = Client::builder(TokioExecutor::new()).build_http::<RequestBody>();
    let service = layer.layer(below);

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let proxy = format!("http://{}", listener.local_addr()?);
    let api: Uri = api.parse()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (service, api) = (service.clone(), api.clone());
            let forward = service_fn(move |request| forward(service.clone(), api.clone(), request));
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), forward);
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    eprintln!("a connection broke: {error}");
                }
            });
        }
    });

    // Any program, unchanged: nobody behind the proxy sees the 429.
    let program = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    for number in 1..=5 {
        let response = program.get(format!("{proxy}/items/{number}").parse()?).await?;
        let (status, body) = (response.status(), response.into_body().collect().await?.to_bytes());
        println!("{status}: {}", String::from_utf8_lossy(&body));
        assert_eq!(status, StatusCode::OK);
    }
    println!("{:#}", layer.stats());
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_runs() {
        super::main().unwrap();
    }
}
