use std::time::Duration;

use ushield_emulator::{font::Font, picture::Picture};

use crate::support::{get, press, send, start, start_with};

#[tokio::test]
async fn text_json_and_picture_show_the_same_screen() {
    let token = start().await;
    let json = get(token.http(), "/screen").await;
    assert_eq!(json.status, 200);
    let text = json.json()["text"].as_str().unwrap().to_owned();
    assert_eq!(text, token.screen().text);
    assert!(!text.trim().is_empty(), "the idle screen says something");
    let lines: Vec<String> = serde_json::from_value(json.json()["lines"].clone()).unwrap();
    assert_eq!(lines.len(), 6);
    assert_eq!(lines.join("\n"), text);
    assert_eq!(json.json()["fault"], serde_json::Value::Null);
    assert_eq!(get(token.http(), "/screen.txt").await.text(), format!("{text}\n"));
    let expected = Picture::of_page(&text, &Font::load().unwrap()).unwrap();
    let picture = get(token.http(), "/screen.png").await;
    assert_eq!(picture.headers["content-type"], "image/png");
    assert_eq!(picture.body, expected.png(1).unwrap());
    assert_eq!(get(token.http(), "/screen.png?scale=4").await.body, expected.png(4).unwrap());
    assert_eq!(picture.headers["x-serial"], json.serial().to_string());
}

#[tokio::test]
async fn a_key_press_answers_with_the_screen_after_it() {
    let token = start().await;
    let before = get(token.http(), "/screen").await;
    let after = press(token.http(), "ok").await;
    assert_eq!(after.status, 200);
    assert!(after.serial() > before.serial());
    assert_ne!(after.json()["text"], before.json()["text"], "OK on the idle screen opens the menu");
    assert_eq!(after.json(), get(token.http(), "/screen").await.json());
}

#[tokio::test]
async fn a_key_meant_for_another_screen_is_not_pressed() {
    let token = start().await;
    let now = token.screen().serial;
    for other in [now - 1, now + 1] {
        let answer = press(token.http(), &format!("ok?serial={other}")).await;
        assert_eq!((answer.status, token.screen().serial), (409, now));
    }
    let answer = press(token.http(), &format!("ok?serial={now}")).await;
    assert_eq!(answer.status, 200);
    assert!(answer.serial() > now);
}

#[tokio::test]
async fn waiting_for_the_next_screen_ends_with_it() {
    let token = start().await;
    let http = token.http();
    let now = get(http, "/screen").await.serial();
    let path = format!("/screen?after={now}&wait=30");
    let waiting = tokio::spawn(async move { get(http, &path).await });
    let pressed = press(http, "ok").await;
    assert_eq!(waiting.await.unwrap().serial(), pressed.serial());
    // A screen that is newer already is no reason to wait; a wait of nothing ends with what there is.
    assert_eq!(get(http, &format!("/screen?after={now}&wait=30")).await.serial(), pressed.serial());
    assert_eq!(
        get(http, &format!("/screen?after={}&wait=0", pressed.serial())).await.serial(),
        pressed.serial()
    );
}

#[tokio::test]
async fn web_pages_of_others_can_neither_press_nor_read() {
    let token = start().await;
    let http = token.http();
    let host = http.to_string();
    let own = ("Host", host.as_str());
    let header = ("X-UShield", "1");
    let serial = token.screen().serial;
    for (expected, line, headers) in [
        (403, "POST /key/ok", &[own][..]),
        (403, "POST /key/ok", &[own, ("X-UShield", "0")]),
        (421, "POST /key/ok", &[("Host", "evil.example"), header]),
        (421, "GET /screen", &[("Host", "evil.example")]),
        (421, "GET /screen.png", &[("Host", "127.0.0.1.evil.example")]),
        (403, "POST /key/ok", &[own, header, ("Origin", "http://evil.example")]),
        (403, "POST /key/ok", &[own, header, ("Origin", "null")]),
        (403, "GET /screen", &[own, ("Sec-Fetch-Site", "cross-site")]),
        (
            403,
            "OPTIONS /key/ok",
            &[own, ("Origin", "http://evil.example"), ("Access-Control-Request-Method", "POST")],
        ),
    ] {
        let answer = send(http, line, headers).await;
        assert_eq!(answer.status, expected, "{line} {headers:?}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert!(!answer.headers.contains_key("access-control-allow-origin"));
    }
    assert_eq!(token.screen().serial, serial, "nothing was pressed");
    let origin = format!("http://{host}");
    let headers = [own, header, ("Origin", &origin), ("Sec-Fetch-Site", "same-origin")];
    assert_eq!(send(http, "POST /key/ok", &headers).await.status, 200);
    assert!(token.screen().serial > serial);
}

#[tokio::test]
async fn the_page_works_under_a_policy_that_forbids_framing() {
    let token = start().await;
    let page = get(token.http(), "/").await;
    assert_eq!(page.status, 200);
    assert!(page.headers["content-security-policy"].contains("frame-ancestors 'none'"));
    assert_eq!(page.headers["x-frame-options"], "DENY");
    assert_eq!(page.headers["cross-origin-resource-policy"], "same-origin");
    for key in ["ok", "cancel", "up", "down"] {
        assert!(page.text().contains(&format!("data-key=\"{key}\"")), "{key}");
    }
    assert!(
        !page.text().contains("<script>") && !page.text().contains("style="),
        "the policy allows no inline code"
    );
    for (path, kind) in [("/face.js", "text/javascript"), ("/face.css", "text/css")] {
        assert!(page.text().contains(path));
        assert!(get(token.http(), path).await.headers["content-type"].starts_with(kind));
    }
}

#[tokio::test]
async fn only_a_token_for_tests_has_a_power_switch() {
    let token = start().await;
    let host = token.http().to_string();
    let headers = [("Host", host.as_str()), ("X-UShield", "1")];
    for path in ["/power/cut", "/power/on"] {
        assert_eq!(send(token.http(), &format!("POST {path}"), &headers).await.status, 404, "{path}");
    }
    assert_eq!(press(token.http(), "ok").await.status, 200, "and is on");
}

#[tokio::test]
async fn a_token_without_power_hears_nobody_and_starts_anew() {
    let token = start_with(true).await;
    let (http, link) = (token.http(), token.addr());
    let host = http.to_string();
    let switch = async |path: &str| {
        send(http, &format!("POST /power/{path}"), &[("Host", host.as_str()), ("X-UShield", "1")]).await
    };
    let idle = token.screen().text.clone();
    assert_eq!(press(http, "ok").await.status, 200);
    assert_ne!(token.screen().text, idle, "the menu");
    let mut phone = tokio::net::TcpStream::connect(link).await.unwrap();
    let mut hello = [0; 16];
    tokio::io::AsyncReadExt::read_exact(&mut phone, &mut hello).await.unwrap();
    let cut = switch("cut").await;
    assert_eq!((cut.status, cut.json()["on"].as_bool()), (200, Some(false)));
    // The phone that is there and one that comes find nobody.
    let mut later = tokio::net::TcpStream::connect(link).await.unwrap();
    for stream in [&mut phone, &mut later] {
        let mut rest = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(stream, &mut rest).await.unwrap();
        assert!(rest.is_empty(), "{rest:?}");
    }
    let unheard = press(http, "ok").await;
    assert_eq!(unheard.status, 409);
    assert!(unheard.text().contains("/power/on"), "{}", unheard.text());
    assert_eq!(switch("on").await.json()["on"].as_bool(), Some(true));
    assert_eq!(token.screen().text, idle);
    assert_eq!(press(http, "ok").await.status, 200);
    // One that is to come stays on until then; nothing here writes to the flash.
    assert_eq!(switch("cut?at=1").await.json()["on"].as_bool(), Some(true));
    assert_eq!(press(http, "cancel").await.status, 200);
    for (path, status) in [("off", 404), ("on?at=1", 404), ("cut?at=x", 400)] {
        assert_eq!(switch(path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn wrong_requests_are_named() {
    let token = start().await;
    let http = token.http();
    for (expected, path) in [
        (404, "/nothing"),
        (400, "/screen?after=x"),
        (400, "/screen?afer=1"),
        (400, "/screen.png?scale=0"),
        (400, "/screen.png?scale=17"),
        (400, "/screen.png?scale=-1"),
        (405, "/key/ok"),
    ] {
        let answer = get(http, path).await;
        assert_eq!(answer.status, expected, "{path}");
        assert_eq!(answer.json()["status"], expected, "{path}");
        assert!(answer.json()["detail"].as_str().unwrap().len() > 10);
    }
    assert_eq!(press(http, "both").await.status, 404);
}

#[tokio::test]
async fn the_device_is_described_as_for_the_bank() {
    let token = start().await;
    let device = get(token.http(), "/device").await.json();
    assert_eq!(device["device_id"], "07".repeat(16));
    assert_eq!((device["brand"].as_str(), device["profile"].as_u64()), (Some("U-Shield"), Some(1)));
    assert_eq!(device["chain"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_stopped_token_has_let_go_of_its_ports() {
    let token = start().await;
    let (http, link) = (token.http(), token.addr());
    let handle = token.handle();
    token.stop().await.unwrap();
    assert!(handle.advance(Duration::ZERO).await.is_err());
    tokio::net::TcpListener::bind(http).await.unwrap();
    tokio::net::TcpListener::bind(link).await.unwrap();
}
