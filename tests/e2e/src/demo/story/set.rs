//! Before the story: bank, token and phone on an empty folder.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use zeroize::Zeroizing;

use super::accompany::Plan;
use super::order::{ACCOUNT, BALANCE, BANK_ID, CUSTOMER};
use super::{PASSWORD, SCRIPTED_PIN, Stage, Who};
use crate::demo::draw::{Paper, Tone};
use crate::demo::failure::Failure;
use crate::demo::programs::{Programs, Service};
use crate::demo::token_face::TokenFace;
use crate::proxy::Proxy;

impl Stage {
    /// Bank and token, founded, personalised and started on an empty folder; and the line between token and phone.
    pub(super) async fn set(who: Who, paper: Arc<Paper>) -> Result<Self, Failure> {
        let programs = Programs::beside_this_one()?;
        let folder = programs.target().join("demo");
        empty(&folder)?;
        paper.say(Tone::Title, "Three parties on an empty folder");
        let at = |name: &str| folder.join(name).to_string_lossy().into_owned();
        let (bank, token, maker) = (at("bank"), at("token"), at("maker"));
        let trust = at("bank/trust.json");
        let arguments = ["init", "--data", &bank, "--bank-id", BANK_ID, "--name", "示范银行"];
        programs.run("ushield-bank", &arguments, None).await?;
        let balance = BALANCE.to_string();
        let arguments = [
            "customer",
            "add",
            CUSTOMER,
            "--data",
            &bank,
            "--account",
            ACCOUNT,
            "--balance",
            &balance,
            "--secrets-fd",
            "0",
        ];
        programs.run("ushield-bank", &arguments, Some(PASSWORD)).await?;
        let arguments = ["personalise", "--state", &token, "--maker", &maker, "--bank-trust", &trust];
        programs.run("ushield-token", &arguments, None).await?;
        let (device, root) = (at("token/device.json"), at("maker/root.pem"));
        let arguments = [
            "token",
            "hand-out",
            "--data",
            &bank,
            "--customer",
            CUSTOMER,
            "--device",
            &device,
            "--maker-root",
            &root,
        ];
        programs.run("ushield-bank", &arguments, None).await?;

        let ready = folder.join("bank.ready");
        let arguments =
            ["serve", "--data", &bank, "--listen", "127.0.0.1:0", "--ready-file", &ready.to_string_lossy()];
        let (bank_service, said) =
            programs.serve("ushield-bank", &arguments, &ready, &folder.join("bank.log")).await?;
        let bank_url = text(&said, "url", "the bank")?;
        let ready = folder.join("token.ready");
        let file = ready.to_string_lossy();
        let arguments = [
            "run",
            "--state",
            &token,
            "--listen",
            "127.0.0.1:0",
            "--http",
            "127.0.0.1:0",
            "--face",
            "none",
            "--ready-file",
            &file,
        ];
        let (token_service, said) =
            programs.serve("ushield-token", &arguments, &ready, &folder.join("token.log")).await?;
        let (link, http) = (text(&said, "listen", "the token")?, text(&said, "http", "the token")?);
        let nonsense = |what: &str| Failure::Nonsense { who: "the token", what: what.to_owned() };
        let face = TokenFace::new(&http).ok_or_else(|| nonsense(&http))?;
        let line = Proxy::start(link.parse().map_err(|_| nonsense(&link))?).await;
        let line = line.map_err(Failure::system("listen between phone and token"))?;

        let id = |service: &Service| service.id().map_or_else(String::new, |id| format!("process {id}"));
        paper.say(
            Tone::Plain,
            &format!("  bank   {bank_url}, TLS by its own authority, {}", id(&bank_service)),
        );
        paper.say(
            Tone::Plain,
            &format!("  token  TCP {link}, screen and keys {}, {}", face.url(), id(&token_service)),
        );
        paper.say(Tone::Plain, "  phone  `ushield`, a process of its own for each command");
        if who == Who::Person {
            let keys = "The token's keys: ↑ ↓ Enter (OK) Esc (C) here, or on its page above. q leaves.";
            paper.say(Tone::Ask, &format!("\n{keys}"));
        }
        let pin = Zeroizing::new(SCRIPTED_PIN.to_owned());
        let stage = Self {
            who,
            paper,
            programs,
            folder,
            _bank: bank_service,
            _token: token_service,
            face,
            line,
            pin,
        };
        stage.set_up(&bank, &bank_url, &trust, &root).await?;
        Ok(stage)
    }

    /// The phone learns who the bank is and signs its customer in.
    async fn set_up(&self, bank: &str, url: &str, trust: &str, root: &str) -> Result<(), Failure> {
        let token = format!("tcp:{}", self.line.address());
        let ca = Path::new(bank).join("tls-ca.pem").to_string_lossy().into_owned();
        let arguments = [
            "init",
            "--bank",
            url,
            "--bank-ca",
            &ca,
            "--trust",
            trust,
            "--maker-root",
            root,
            "--customer",
            CUSTOMER,
            "--phone",
            "小张的手机",
            "--token",
            &token,
        ];
        let mut phone = self.programs.phone(&self.home(), &arguments)?;
        phone.give("password", PASSWORD).await?;
        self.accompany(phone, &Plan::Nothing).await?.expect(0)?;
        self.paper.say(Tone::Good, "  the phone is set up and its customer signed in");
        Ok(())
    }
}

/// What a former run left is gone; the folder is there.
fn empty(folder: &Path) -> Result<(), Failure> {
    let failed = |doing: &str| Failure::system(format!("{doing} {}", folder.display()));
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(failed("empty"))?;
    }
    fs::create_dir_all(folder).map_err(failed("create"))
}

fn text(said: &Value, member: &str, who: &'static str) -> Result<String, Failure> {
    let found = said.get(member).and_then(Value::as_str).map(str::to_owned);
    found.ok_or_else(|| Failure::Nonsense { who, what: said.to_string() })
}
