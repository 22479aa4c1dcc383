//! Downloads: whole, broken off, gone, or not a log file at all.

use futures_util::StreamExt;
use orgtap_salesforce::{Download, Encoding, Error, ErrorKind, Org, Unreachable};
use orgtap_transport::{Disposition, Explain};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::server::{FakeOrg, Reply, file_id, settings, token_answer, versions_answer};

/// The whole body, or what came and the error it broke off with.
async fn drain(mut download: Download) -> Result<Vec<u8>, (Vec<u8>, Error)> {
    let mut bytes = Vec::new();
    while let Some(part) = download.body.next().await {
        match part {
            Ok(part) => bytes.extend_from_slice(&part),
            Err(error) => {
                assert!(download.body.next().await.is_none(), "nothing comes after an error");
                return Err((bytes, error));
            }
        }
    }
    Ok(bytes)
}

#[tokio::test]
async fn asks_for_gzip_and_hands_over_the_bytes_as_they_came() {
    // Two members: a client that unpacks by itself would drop the second.
    let body = [gzip(b"first"), gzip(b"second")].concat();
    let sent = body.clone();
    let server = FakeOrg::start(move |seen| {
        let reply = Reply::new(200, "application/octetstream", sent.clone());
        seen.is("/LogFile").then(|| reply.with("content-encoding", "gzip"))
    })
    .await;
    let org = server.org();
    let download = org.download(&file_id(1)).await.unwrap();
    assert_eq!(download.encoding, Encoding::Gzip);
    assert_eq!(download.content_length, Some(body.len() as u64));
    assert_eq!(drain(download).await.unwrap(), body);
    let seen = server.seen().into_iter().find(|seen| seen.is("/LogFile")).unwrap();
    assert_eq!(seen.header("accept-encoding"), "gzip");
    assert_eq!(
        seen.path,
        format!("/services/data/v66.0/sobjects/EventLogFile/{}/LogFile", file_id(1))
    );
}

/// A stored (uncompressed) gzip member: enough for a test that never unpacks it.
fn gzip(content: &[u8]) -> Vec<u8> {
    let length = content.len() as u16;
    let mut member = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    member.extend(length.to_le_bytes());
    member.extend((!length).to_le_bytes());
    member.extend(content);
    member.extend([0; 8]);
    member
}

#[tokio::test]
async fn takes_it_as_it_is_when_the_org_does_not_compress() {
    let server = FakeOrg::start(|_| None).await;
    let download = server.org().download(&file_id(1)[..15]).await.unwrap();
    assert_eq!(download.encoding, Encoding::Identity);
    assert_eq!(drain(download).await.unwrap(), b"\"EVENT_TYPE\"\n\"Login\"\n");
}

async fn failure(reply: Reply) -> Error {
    let server = FakeOrg::start(move |seen| seen.is("/LogFile").then(|| reply.clone())).await;
    server.org().download(&file_id(1)).await.unwrap_err()
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let gone =
        failure(Reply::error(404, "NOT_FOUND", "The requested resource does not exist")).await;
    assert_eq!((gone.kind(), gone.disposition()), (&ErrorKind::Gone, Disposition::Reject));
    let page = failure(Reply::html(200, "<html>Please sign in to the proxy</html>")).await;
    assert_eq!(*page.kind(), ErrorKind::NotJson);
    assert!(page.to_string().contains("sign in to the proxy"), "{page}");
    let page = failure(Reply::html(404, "<html>not found, says the proxy</html>")).await;
    assert_eq!(*page.kind(), ErrorKind::NotJson, "a proxy cannot say that a file is gone");
    let packed = Reply::new(200, "application/octetstream", "x").with("content-encoding", "br");
    assert_eq!(*failure(packed).await.kind(), ErrorKind::BadEncoding);
    assert_eq!(*failure(Reply::html(503, "x")).await.kind(), ErrorKind::ServerError);
    assert_eq!(
        *failure(Reply::error(500, "UNKNOWN_EXCEPTION", "x")).await.kind(),
        ErrorKind::ServerError
    );
}

#[tokio::test]
async fn a_file_is_gone_only_while_others_may_be_read() {
    let missing = || Some(Reply::error(404, "NOT_FOUND", "The requested resource does not exist"));
    let server =
        FakeOrg::start(
            move |seen| {
                if seen.is("/LogFile") || seen.is("/describe") { missing() } else { None }
            },
        )
        .await;
    let error = server.org().download(&file_id(1)).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::PermissionMissing);
    assert_eq!(error.disposition(), Disposition::Pause);
}

#[tokio::test]
async fn many_gone_files_cost_one_describe() {
    let server = FakeOrg::start(|seen| {
        seen.is("/LogFile").then(|| Reply::error(404, "NOT_FOUND", "does not exist"))
    })
    .await;
    let org = server.org();
    for number in 0..5 {
        assert_eq!(*org.download(&file_id(number)).await.unwrap_err().kind(), ErrorKind::Gone);
    }
    assert_eq!(org.calls().describe, 1);
}

#[tokio::test]
async fn an_id_is_not_a_path() {
    let server = FakeOrg::start(|_| None).await;
    for hostile in
        ["", "../../User", "0AT/../../../x", "0AT000000000001AAA?", "0AT000000000001AAA/x"]
    {
        let error = server.org().download(hostile).await.unwrap_err();
        assert_eq!(error.disposition(), Disposition::Bug, "{hostile}");
    }
    assert!(server.seen().is_empty(), "nothing was sent");
}

/// A server that signs in and names versions properly, and answers downloads with raw bytes.
async fn raw(answer: &'static [u8], reset: bool) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let base = url.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serve(stream, &base, answer, reset).await;
        }
    });
    url
}

async fn serve(mut stream: TcpStream, base: &Url, answer: &[u8], reset: bool) {
    let head = read_request(&mut stream).await;
    let json = if head.starts_with("POST") {
        token_answer(base, "token").to_string()
    } else if head.starts_with("GET /services/data/ ") {
        versions_answer().to_string()
    } else {
        stream.write_all(answer).await.unwrap();
        if reset {
            // Let the client read what was sent; then reset instead of closing.
            stream.flush().await.unwrap();
            stream.set_zero_linger().unwrap();
        }
        return;
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        json.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(json.as_bytes()).await.unwrap();
}

/// Reads one request with its body, and answers its head.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        stream.read_buf(&mut bytes).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .split("content-length: ")
            .nth(1)
            .map_or(0, |rest| rest.lines().next().unwrap_or("0").trim().parse().unwrap_or(0));
        if body.len() >= length {
            return String::from_utf8_lossy(&bytes).into_owned();
        }
    }
}

async fn raw_download(answer: &'static [u8], reset: bool) -> Result<Vec<u8>, (Vec<u8>, Error)> {
    let org = Org::new(settings(raw(answer, reset).await)).unwrap();
    match org.download(&file_id(1)).await {
        Ok(download) => drain(download).await,
        Err(error) => Err((Vec::new(), error)),
    }
}

fn assert_broken(outcome: Result<Vec<u8>, (Vec<u8>, Error)>, what: &str) {
    let (_, error) = outcome.expect_err(what);
    assert_eq!(*error.kind(), ErrorKind::Unreachable(Unreachable::Broken), "{what}: {error:?}");
    assert!(matches!(error.disposition(), Disposition::Retry { .. }), "{what}");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error_and_not_an_end() {
    let short = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this".as_slice();
    assert_broken(raw_download(short, false).await, "fewer bytes than announced");
    let unended = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n".as_slice();
    assert_broken(raw_download(unended, false).await, "no last chunk");
    let cut = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nhello".as_slice();
    assert_broken(raw_download(cut, false).await, "a chunk cut off");
    let half_a_size =
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n1".as_slice();
    assert_broken(raw_download(half_a_size, false).await, "a chunk's size cut off");
    assert_broken(raw_download(short, true).await, "a reset in mid-body");
    assert_broken(raw_download(b"HTTP/1.1 200 OK\r\ncontent-le", false).await, "a head cut off");
    assert_broken(raw_download(b"", false).await, "no answer at all");
}

#[tokio::test]
async fn a_body_that_is_whole_is_no_error() {
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    assert_eq!(raw_download(chunked, false).await.unwrap(), b"hello");
    let sized = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
    assert_eq!(raw_download(sized, false).await.unwrap(), b"hello");
    let empty = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(raw_download(empty, false).await.unwrap(), b"");
}
