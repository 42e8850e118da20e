//! A client over this phone's folder, with the customer at this terminal.

use std::pin::pin;
use std::sync::Arc;

use futures::future::{Either, join_all, select};
use serde_json::json;
use ushield_bank_api::Role;
use ushield_client::ports::Connector;
use ushield_client::store::Opened;
use ushield_client::{Client, Error, HistoryEntry, InReach, Report, TokenRecord};
use ushield_protocol::code::Code;
use ushield_protocol::key::{DeviceId, OrderId};

use crate::args::LinkAddress;
use crate::customer::Terminal;
use crate::failure::{AtOrder, Failure, error_json, error_lines};
use crate::home::{Config, Home};
use crate::link::Ways;
use crate::output::{Output, Tone};

/// What every command runs in.
pub(crate) struct Context {
    pub(crate) home: Home,
    pub(crate) customer: Terminal,
    /// `--link`.
    pub(crate) link: Option<LinkAddress>,
    /// `--device`.
    pub(crate) device: Option<DeviceId>,
}

/// A client that is ready to be used.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) connector: Arc<dyn Connector>,
    /// The same, each way by itself.
    pub(crate) ways: Ways,
    pub(crate) customer: Terminal,
    pub(crate) device: Option<DeviceId>,
}

/// What this phone knows, to be looked at: nothing that changes it is here.
pub(crate) struct Look {
    client: Client,
    ways: Ways,
    output: Arc<Output>,
    device: Option<DeviceId>,
}

impl Look {
    pub(crate) fn output(&self) -> &Output {
        &self.output
    }

    pub(crate) async fn history(&self) -> Result<Vec<HistoryEntry>, Error> {
        self.client.history().await
    }

    /// What is in reach on each way, or why nothing can be.
    pub(crate) async fn in_reach(&self) -> Vec<(&'static str, Result<Vec<InReach>, Error>)> {
        let look = |(name, way): &(&'static str, Arc<dyn Connector>)| {
            let (name, way) = (*name, Arc::clone(way));
            async move { (name, self.client.in_reach(&*way).await) }
        };
        join_all(self.ways.each.iter().map(look)).await
    }

    pub(crate) fn tokens(&self) -> Result<Vec<TokenRecord>, Error> {
        self.client.tokens()
    }

    /// The certificate of a key of the token that the command is about, and whether it is still to be stored there.
    pub(crate) fn certificate(&self, role: Role) -> Result<(Vec<Vec<u8>>, bool), Failure> {
        let token = chosen(&self.client, self.device, &self.output)?;
        let due = self.client.certificate_is_due(&token, role)?;
        Ok((self.client.certificate(&token, role)?.ok_or(Error::new(Code::NoCertificate))?, due))
    }
}

/// The token that `--device` names; without it, the only one. An option is at fault where there are several, or others.
fn chosen(client: &Client, device: Option<DeviceId>, output: &Output) -> Result<TokenRecord, Failure> {
    let tokens = client.tokens()?;
    let named = |token: &TokenRecord| format!("{} ({})", token.pairing.name, token.pairing.device);
    let names = tokens.iter().map(named).collect::<Vec<_>>().join(", ");
    match client.token(device) {
        Err(error) if error.code() == Code::WrongToken => {
            Err(Failure::usage("--device", output.words.fill("several-paired", &[("tokens", &names)])))
        }
        Err(error) if error.code() == Code::NotPaired && !tokens.is_empty() => {
            Err(Failure::usage("--device", output.words.fill("other-paired", &[("tokens", &names)])))
        }
        token => Ok(token?),
    }
}

impl Context {
    pub(crate) fn output(&self) -> &Arc<Output> {
        &self.customer.output
    }

    /// Where the token is: as the option says, or as `init` was told. The option may leave out the address that `init` was told.
    fn address(&self, config: &Config) -> Result<LinkAddress, Failure> {
        let told: LinkAddress = config.link.parse().map_err(|reason| Failure::usage("--link", reason))?;
        Ok(match (&self.link, told) {
            (Some(LinkAddress::Tcp(None)), told @ LinkAddress::Tcp(_))
            | (Some(LinkAddress::Pcsc(None)), told @ (LinkAddress::Pcsc(_) | LinkAddress::PcscExtended(_)))
            | (Some(LinkAddress::Ble(None)), told @ LinkAddress::Ble(_))
            | (None, told) => told,
            (Some(link), _) => link.clone(),
        })
    }

    /// The client that `init` set up.
    pub(crate) async fn open(&self) -> Result<Session, Failure> {
        let config = self.home.config()?;
        let link = self.address(&config)?;
        let (client, opened) = self.home.client(&config.bank, &self.home.bank_ca()?).await?;
        let session = self.session(client, &opened, &link)?;
        // Said here, once, and not in the middle of a command.
        session.client.setup()?;
        Ok(session)
    }

    /// What `init` set up, to be looked at: also while another program works with it.
    pub(crate) async fn look(&self) -> Result<Look, Failure> {
        match self.open().await {
            Ok(session) => Ok(self.looking(session.client, session.ways)),
            Err(Failure::Client { error, .. }) if error.code() == Code::StoreLocked => self.watch().await,
            Err(failure) => Err(failure),
        }
    }

    /// As [`Context::look`], without ever keeping another program from its work.
    pub(crate) async fn watch(&self) -> Result<Look, Failure> {
        let config = self.home.config()?;
        let client = self.home.look(&config.bank, &self.home.bank_ca()?).await?;
        client.setup()?;
        Ok(self.looking(client, Ways::to(&self.address(&config)?, "--link")?))
    }

    fn looking(&self, client: Client, ways: Ways) -> Look {
        Look { client, ways, output: Arc::clone(self.output()), device: self.device }
    }

    pub(crate) fn session(
        &self,
        client: Client,
        opened: &Opened,
        link: &LinkAddress,
    ) -> Result<Session, Failure> {
        if let Opened::SetAside { to, notice } = opened {
            self.alarm(notice, to);
        }
        let ways = Ways::to(link, "--link")?;
        let connector = ways.connector();
        Ok(Session { client, connector, ways, customer: self.customer.clone(), device: self.device })
    }

    /// A store that was set aside is said before anything else.
    fn alarm(&self, notice: &Error, to: &std::path::Path) {
        let output = self.output();
        let json =
            json!({"moment": "store-set-aside", "path": to, "error": error_json(notice, &output.words)});
        let mut lines: Vec<String> =
            error_lines(notice, &output.words).into_iter().map(|(line, _)| line).collect();
        lines.push(format!("  {}", output.words.fill("set-aside", &[("path", &to.display().to_string())])));
        output.event(&json, &lines.join("\n"), Tone::Bad);
    }
}

impl Session {
    pub(crate) fn output(&self) -> &Output {
        &self.customer.output
    }

    /// The token that the command is about. Prompts and errors name it from now on.
    pub(crate) fn token(&self) -> Result<TokenRecord, Failure> {
        let token = chosen(&self.client, self.device, self.output())?;
        self.customer.is_about(&token);
        Ok(token)
    }

    /// Signs in, with the password.
    pub(crate) async fn sign_in(&self) -> Result<(), Error> {
        let password = self.customer.password().await?;
        self.output().wait(&json!({"moment": "signing-in"}), &self.output().words.say("signing-in"));
        self.client.sign_in(password).await
    }

    /// Signs in unless the bank still knows the session. Asked before an order is: a request that meets an ended session stays
    /// behind as one that is to be repeated.
    pub(crate) async fn ensure_signed_in(&self) -> Result<(), Error> {
        if self.client.is_signed_in()? {
            match self.client.accounts().await {
                Err(error) if error.code() == Code::NotSignedIn => {}
                known => return known.map(|_| ()),
            }
        }
        self.sign_in().await
    }

    /// Runs an order to its end. Ctrl-C takes it back, wherever it is.
    pub(crate) async fn run_order(&self, id: OrderId) -> Result<Report, Failure> {
        let interrupts = Arc::clone(&self.customer.interrupts);
        let _running = interrupts.order();
        let ended = {
            let run = pin!(self.client.run_order(&*self.connector, &self.customer, id));
            let unheard = pin!(interrupts.unheard());
            match select(run, unheard).await {
                Either::Left((ended, _)) => Some(ended),
                Either::Right(((), _)) => None,
            }
        };
        let report = match ended {
            // Pressed as the last attempt failed: told already, and not yet done.
            Some(Err(_)) if interrupts.left_unheard() => {
                self.client.cancel_order(&*self.connector, &self.customer, id).await
            }
            Some(ended) => ended,
            None => self.client.cancel_order(&*self.connector, &self.customer, id).await,
        };
        report.map_err(|error| self.failed(error, id))
    }

    /// An error that left an order behind.
    pub(crate) fn failed(&self, error: Error, id: OrderId) -> Failure {
        let unknown = self.customer.unknown_outcomes().contains(&id);
        let due = self.client.order_entry(id).is_ok_and(|entry| entry.certificate_due);
        let order = match (due, unknown) {
            (true, _) => AtOrder::CertificateDue(id),
            (false, true) => AtOrder::Unknown(id),
            (false, false) => AtOrder::Open(id),
        };
        Failure::Client { error, order: Some(order) }
    }
}
