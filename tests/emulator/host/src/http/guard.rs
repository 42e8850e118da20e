//! Keeps other people's web pages away from the keys and the screen.
//!
//! - *DNS rebinding*: a page's own host name is made to resolve to 127.0.0.1. The browser then sends that name as
//!   `Host`; only addresses and `localhost` are answered, which cannot be rebound.
//! - *Cross-site requests*: `Origin` and `Sec-Fetch-Site`, where a browser sends them, must say "the same origin",
//!   and a key press needs a header that a page of another origin may send only after a preflight, which fails here.
//! - *Framing and click-jacking*, reading pictures across origins: response headers forbid both.

use std::net::IpAddr;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::Problem;

const PRESS_HEADER: HeaderName = HeaderName::from_static("x-ushield");

/// What the check depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guard {
    /// Only this machine can reach the listener: then `Host` must be this machine too.
    pub(super) loopback: bool,
}

/// Lets a request through, or answers it with the problem.
pub(super) async fn check(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let mut response = match judge(guard, request.method(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; img-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn judge(guard: Guard, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let host = only(headers, &header::HOST).filter(|host| is_address(host, guard.loopback));
    let host = host.ok_or(Problem::ForeignHost)?;
    let same_origin = match (headers.contains_key(header::ORIGIN), only(headers, &header::ORIGIN)) {
        (false, _) => true,
        (true, origin) => origin.and_then(|origin| origin.strip_prefix("http://")) == Some(host),
    };
    let site = HeaderName::from_static("sec-fetch-site");
    let same_site = match (headers.contains_key(&site), only(headers, &site)) {
        (false, _) => true,
        // "none": the person typed the address or opened a bookmark.
        (true, site) => matches!(site, Some("same-origin" | "none")),
    };
    if !(same_origin && same_site) {
        return Err(Problem::ForeignOrigin);
    }
    if *method != Method::GET && *method != Method::HEAD && only(headers, &PRESS_HEADER) != Some("1") {
        return Err(Problem::HeaderMissing);
    }
    Ok(())
}

/// The header's value if there is exactly one.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn is_address(host: &str, loopback: bool) -> bool {
    let Ok(uri) = host.parse::<Uri>() else { return false };
    let Some(authority) = uri.authority().filter(|authority| authority.as_str() == host) else {
        return false;
    };
    if host.contains('@') {
        return false;
    }
    let name = authority.host();
    if name.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let literal = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    literal.parse::<IpAddr>().is_ok_and(|address| !loopback || address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn hosts_are_addresses_or_localhost() {
        for host in
            ["127.0.0.1", "127.0.0.1:8080", "localhost:1", "LOCALHOST", "[::1]:80", "[::1]", "127.9.9.9:1"]
        {
            assert!(is_address(host, true), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example:80",
            "10.0.0.1",
            "a@127.0.0.1",
            "http://127.0.0.1",
            "127.0.0.1/x",
            "[::2]",
            "127.1.evil",
        ] {
            assert!(!is_address(host, true), "{host}");
        }
        assert!(is_address("10.0.0.1:80", false));
        assert!(!is_address("token.example:80", false));
    }

    #[test]
    fn requests_of_other_origins_are_refused() {
        const HOST: (&str, &str) = ("host", "127.0.0.1:8080");
        let guard = Guard { loopback: true };
        let get = |list: &[_]| judge(guard, &Method::GET, &headers(list));
        assert_eq!(get(&[HOST]), Ok(()));
        assert_eq!(get(&[HOST, ("origin", "http://127.0.0.1:8080")]), Ok(()));
        assert_eq!(get(&[HOST, ("sec-fetch-site", "none")]), Ok(()));
        assert_eq!(get(&[]), Err(Problem::ForeignHost));
        for origin in [
            "null",
            "http://evil.example",
            "https://127.0.0.1:8080",
            "http://127.0.0.1:9",
            "http://localhost:8080",
        ] {
            assert_eq!(get(&[HOST, ("origin", origin)]), Err(Problem::ForeignOrigin), "{origin}");
        }
        for site in ["cross-site", "same-site", ""] {
            assert_eq!(get(&[HOST, ("sec-fetch-site", site)]), Err(Problem::ForeignOrigin), "{site}");
        }
        let mut twice = headers(&[HOST]);
        twice.append(header::HOST, HeaderValue::from_static("127.0.0.1:8080"));
        assert_eq!(judge(guard, &Method::GET, &twice), Err(Problem::ForeignHost));
    }

    #[test]
    fn everything_but_reading_needs_the_header() {
        let guard = Guard { loopback: true };
        let plain = headers(&[("host", "localhost:1")]);
        let marked = headers(&[("host", "localhost:1"), ("x-ushield", "1")]);
        for method in [Method::POST, Method::OPTIONS, Method::PUT, Method::DELETE, Method::PATCH] {
            assert_eq!(judge(guard, &method, &plain), Err(Problem::HeaderMissing), "{method}");
            assert_eq!(judge(guard, &method, &marked), Ok(()), "{method}");
        }
    }
}
