//! `ushield pin`.

use serde_json::json;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;

pub(super) async fn change(session: &Session) -> Result<Answer, Failure> {
    session.token()?;
    session.client.change_pin(&*session.connector, &session.customer, session.device).await?;
    Ok(Answer::done(json!({"changed": true}), session.output().words.say("pin-changed")))
}
