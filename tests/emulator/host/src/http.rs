//! The HTTP face: the screen as text and picture, and the four keys, for people, scripts and tests.
//!
//! A web page in the user's browser can send requests here too. It must not press keys or read the screen:
//! [`guard`] says how that is kept.

mod guard;

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{HeaderName, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use ushield_token::Symbol;

use crate::{
    picture::MAX_SCALE,
    runner::{Handle, Key, Switch, Unheard},
    screen::{Frame, Screen},
};

/// The longest that a request for the next screen is kept waiting.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
const DEFAULT_WAIT: u64 = 25;
const DEFAULT_SCALE: u8 = 1;

/// What the HTTP face works on.
#[derive(Debug, Clone)]
pub(crate) struct Face {
    pub(crate) screen: Screen,
    pub(crate) token: Handle,
    pub(crate) device: Arc<serde_json::Value>,
}

/// All paths. `loopback` says that the listener can be reached from this machine alone, `power` that there is a power switch.
pub(crate) fn router(face: Face, loopback: bool, power: bool) -> Router {
    let paths = Router::new()
        .route("/", get(page))
        .route("/face.js", get(script))
        .route("/face.css", get(style))
        .route("/device", get(device))
        .route("/screen", get(screen))
        .route("/screen.txt", get(screen_text))
        .route("/screen.png", get(screen_picture))
        .route("/key/{key}", post(press));
    let paths = if power { paths.route("/power/{act}", post(switch)) } else { paths };
    paths
        .fallback(|| async { Problem::NoSuchPath })
        .method_not_allowed_fallback(|| async { Problem::OtherMethod })
        .layer(middleware::from_fn_with_state(guard::Guard { loopback }, guard::check))
        .with_state(face)
}

/// Why a request was not answered; RFC 9457 on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error(
        "no such path; there are /, /screen, /screen.txt, /screen.png, /device and POST /key/ok|cancel|up|down"
    )]
    NoSuchPath,
    #[error("GET for screens, POST for keys")]
    OtherMethod,
    #[error("the keys are ok, cancel, up and down")]
    NoSuchKey,
    #[error("after, wait and serial are whole numbers, wait is in seconds; scale is 1 to {MAX_SCALE}")]
    BadQuery,
    #[error("the Host header names neither an address nor localhost; use the address that the token printed")]
    ForeignHost,
    #[error("the request comes from a web page of another origin")]
    ForeignOrigin,
    #[error("a key press needs the header `X-UShield: 1`, which web pages of other origins cannot send")]
    HeaderMissing,
    #[error("the screen is not the one that the key was pressed on; look at it again")]
    ScreenChanged,
    #[error("the power is off; POST /power/on")]
    Off,
    #[error("the switch is POST /power/cut, with at=N for the Nth write to the flash, and /power/on")]
    NoSuchSwitch,
    #[error("the token has stopped; look at what its program printed and start it again")]
    Stopped,
    #[error("the picture could not be encoded")]
    Encoding,
}

impl Problem {
    fn status(self) -> StatusCode {
        match self {
            Self::NoSuchPath | Self::NoSuchKey | Self::NoSuchSwitch => StatusCode::NOT_FOUND,
            Self::OtherMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadQuery => StatusCode::BAD_REQUEST,
            Self::ForeignHost => StatusCode::MISDIRECTED_REQUEST,
            Self::ForeignOrigin | Self::HeaderMissing => StatusCode::FORBIDDEN,
            Self::ScreenChanged | Self::Off => StatusCode::CONFLICT,
            Self::Stopped => StatusCode::SERVICE_UNAVAILABLE,
            Self::Encoding => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = serde_json::json!({
            "type": "about:blank",
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "detail": self.to_string(),
        });
        (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
    }
}

impl From<Unheard> for Problem {
    fn from(unheard: Unheard) -> Self {
        match unheard {
            Unheard::ScreenChanged => Self::ScreenChanged,
            Unheard::Stopped(_) => Self::Stopped,
            Unheard::Off => Self::Off,
        }
    }
}

impl From<QueryRejection> for Problem {
    fn from(_: QueryRejection) -> Self {
        Self::BadQuery
    }
}

/// The screen as JSON.
#[derive(Debug, Serialize)]
struct ScreenBody<'a> {
    /// Changes with every redraw.
    serial: u64,
    lines: Vec<&'a str>,
    text: &'a str,
    /// The pairing code over the left half, if there is one: rows of modules from above, `1` for dark.
    code: Option<Vec<String>>,
    /// Why a fault screen is shown, if it is.
    fault: Option<String>,
}

fn body(frame: &Frame) -> Response {
    Json(ScreenBody {
        serial: frame.serial,
        lines: frame.lines().collect(),
        text: &frame.text,
        code: frame.code.as_ref().map(rows),
        fault: frame.fault.map(|fault| fault.to_string()),
    })
    .into_response()
}

fn rows(code: &Symbol) -> Vec<String> {
    let row = |y| (0..Symbol::SIDE).map(|x| if code.is_dark(x, y) { '1' } else { '0' }).collect();
    (0..Symbol::SIDE).map(row).collect()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    /// Answer only with a screen newer than this one.
    after: Option<u64>,
    /// Seconds to wait for it.
    wait: Option<u64>,
    scale: Option<u8>,
}

impl Wish {
    /// Answers at once without `after`, else with a newer frame, or with the same one when the time is over.
    async fn frame(&self, screen: &Screen) -> Arc<Frame> {
        let Some(after) = self.after else { return screen.now() };
        let wait = Duration::from_secs(self.wait.unwrap_or(DEFAULT_WAIT)).min(LONGEST_WAIT);
        screen.after(after, wait).await
    }
}

type Wished = Result<Query<Wish>, QueryRejection>;

async fn screen(State(face): State<Face>, wish: Wished) -> Result<Response, Problem> {
    Ok(body(&*wish?.frame(&face.screen).await))
}

async fn screen_text(State(face): State<Face>, wish: Wished) -> Result<Response, Problem> {
    let frame = wish?.frame(&face.screen).await;
    let serial = [(HeaderName::from_static("x-serial"), frame.serial.to_string())];
    Ok((serial, format!("{}\n", frame.text)).into_response())
}

async fn screen_picture(State(face): State<Face>, wish: Wished) -> Result<Response, Problem> {
    let wish = wish?;
    let scale = wish.scale.unwrap_or(DEFAULT_SCALE);
    if !(1..=MAX_SCALE).contains(&scale) {
        return Err(Problem::BadQuery);
    }
    let frame = wish.frame(&face.screen).await;
    let png = frame.picture.png(scale).map_err(|_| Problem::Encoding)?;
    let headers = [
        (header::CONTENT_TYPE, "image/png".to_owned()),
        (HeaderName::from_static("x-serial"), frame.serial.to_string()),
    ];
    Ok((headers, png).into_response())
}

async fn device(State(face): State<Face>) -> Response {
    Json(&*face.device).into_response()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    /// The screen that the key is meant for; if not given, the one that is shown when the request arrives.
    serial: Option<u64>,
}

async fn press(
    State(face): State<Face>,
    Path(key): Path<String>,
    seen: Result<Query<Seen>, QueryRejection>,
) -> Result<Response, Problem> {
    let key = match key.as_str() {
        "ok" => Key::Ok,
        "cancel" => Key::Cancel,
        "up" => Key::Up,
        "down" => Key::Down,
        _ => return Err(Problem::NoSuchKey),
    };
    let seen = seen?.serial.unwrap_or(face.screen.now().serial);
    face.token.press_on(key, seen).await?;
    Ok(body(&face.screen.now()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct When {
    /// The write to the flash in whose middle the power goes, counted from 1; at once without it.
    at: Option<u32>,
}

async fn switch(
    State(face): State<Face>,
    Path(act): Path<String>,
    when: Result<Query<When>, QueryRejection>,
) -> Result<Response, Problem> {
    let switch = match (act.as_str(), when?.at) {
        ("cut", at) => Switch::Cut(at),
        ("on", None) => Switch::On,
        _ => return Err(Problem::NoSuchSwitch),
    };
    let on = face.token.switch(switch).await.map_err(|_| Problem::Stopped)?;
    Ok(Json(serde_json::json!({"on": on})).into_response())
}

async fn page() -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], include_str!("http/face.html")).into_response()
}

async fn script() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("http/face.js")).into_response()
}

async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("http/face.css")).into_response()
}
