//! Whether what a run was given belongs to the token in front of it: keys, root and face of another one are no fault of the token.

use serde::Serialize;
use ushield_client::ports::Wanted;
use ushield_protocol::code::Code;
use ushield_protocol::device::DeviceIdentity;
use ushield_protocol::key::{BankId, P256Verifier, Sign as _};
use ushield_protocol::message::{Kind, Request};

use crate::bench::{BEFORE, Bench};
use crate::hand::Key;
use crate::line::{Came, Line, PATIENCE};
use crate::miss::{Miss, Step};
use crate::phone::Comparing;
use crate::report::Stop;

/// What of a run's inputs is not this token's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "input")]
pub enum Unfit {
    /// Nothing at the link's end says hello.
    Link {
        /// What came in its place.
        came: String,
    },
    /// The keys that the hand presses, and the screen that it reads, are another token's.
    Face {
        /// How it shows.
        because: String,
    },
    /// The token's certificates do not lead to the maker's root.
    Maker {
        /// The root's subject at the end of the token's chain cannot be read from outside: what was refused.
        because: String,
    },
    /// The token is not as its maker made it, nor as a run leaves it: no first phone can pair.
    Used {
        /// Why: the PIN is the initial one and a phone is paired, it is locked, it is a customer's (that costs a try), or there is no room
        /// for a phone.
        code: String,
    },
    /// The token takes no statement by the bank's root.
    Keys {
        /// The bank that the token says it serves.
        bank: String,
        /// The public key of the root, compressed, hex.
        root: String,
    },
}

impl From<Unfit> for Miss {
    fn from(unfit: Unfit) -> Self {
        Self::Stop(Stop::Unfit(unfit))
    }
}

/// Before any case: something says hello, and the face, where it knows whose it is, is this token's. What else goes wrong here
/// goes wrong again in a case, which says so.
pub(crate) async fn before(bench: &mut Bench) -> Result<(), Unfit> {
    hello(bench).await?;
    match face(bench).await {
        Err(Miss::Stop(Stop::Unfit(unfit))) => Err(unfit),
        Ok(()) | Err(_) => Ok(()),
    }
}

async fn hello(bench: &mut Bench) -> Result<(), Unfit> {
    let link = match bench.setup.connector.connect(&Wanted::any()).await {
        Ok(link) => link,
        Err(error) => return Err(Unfit::Link { came: error.code().to_string() }),
    };
    let mut line = Line::new(link);
    let came = match line.next(PATIENCE).await {
        // Whether it is a right one, a case says; also why a token is busy.
        Ok(Came::Message(Kind::Hello | Kind::Refusal, _)) => None,
        Ok(came) => Some(came.say()),
        Err(Miss::Wrong { came, .. }) => Some(came),
        Err(_) => None,
    };
    line.close().await;
    came.map_or(Ok(()), |came| Err(Unfit::Link { came }))
}

/// Pairing as far as the token's identity: the face says which token it is.
async fn face(bench: &mut Bench) -> Step {
    let Some(device) = bench.setup.hand.device().await? else { return Ok(()) };
    bench.setup.hand.open_pairing().await?;
    let (line, hello) = bench.connect().await?;
    line.close().await;
    if !hello.pairing {
        let because = "its keys opened pairing mode, and the token's hello does not say so".to_owned();
        return Err(Unfit::Face { because }.into());
    }
    let phone = bench.new_phone()?;
    let mut comparing = bench.compare(&phone).await?;
    let identity = identity(bench, &comparing);
    comparing.answer(false, None).await?;
    comparing.refused(Code::Declined).await?;
    // The cases begin with pairing mode closed.
    for _ in 0..3 {
        bench.press(Key::Cancel).await?;
    }
    let identity = identity?;
    if identity.device == device {
        return Ok(());
    }
    Err(Unfit::Face {
        because: format!("it is that of device {device}, the link leads to {}", identity.device),
    }
    .into())
}

/// Who made the token, by the maker's root.
pub(crate) fn identity(bench: &Bench, comparing: &Comparing) -> Step<DeviceIdentity> {
    DeviceIdentity::verify(&comparing.p4.chain, &bench.setup.makers, None, &P256Verifier)
        .map_err(|refusal| Unfit::Maker { because: refusal.to_string() }.into())
}

/// Whether the token trusts the bank's root. A statement of another bank changes nothing: by the installed root it is
/// `wrong-bank`. One that is refused for its signature too although it is of the right bank is by another root.
pub(crate) async fn keys(bench: &mut Bench) -> Step {
    let bank = bench.bank().await?;
    let Some(other) = BankId::new("CONFXX99XXX") else { return Ok(()) };
    for named in [other, bank.clone()] {
        let from = bench.setup.now.saturating_sub(BEFORE);
        let [statement, _] = bench.setup.bank.statements(&named, bench.epoch, from);
        let statement = statement.sign(&bench.setup.bank.root);
        let mut channel = bench.channel().await?;
        channel.send(&Request::BankKey { statement }).await?;
        let reply = channel.result().await?;
        channel.line.close().await;
        if reply.code != Code::BadSignature {
            return Ok(());
        }
    }
    let root = bench.setup.bank.root.public_key();
    let root = ushield_protocol::key::hex(root.as_bytes());
    Err(Unfit::Keys { bank: bank.to_string(), root }.into())
}
