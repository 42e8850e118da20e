//! The bank's decision over a token's answer (protocol.md, 12): one function without I/O.
//!
//! Received bytes, the time and the rows that [`Question`] asks for go in; what to write and what to reply comes out.
//! Whoever calls it reads the rows and applies the writes in one serializable transaction.

mod rows;
mod writes;

pub use rows::{KeyRow, OpenOrder, OrderRow, OwnOrder, Question, Recorded, Rows};
pub use writes::{Decision, End, Kind, NewKey, Record, Reply, Write};

use ushield_bank_api::{AuthorizationReply, Base64Url, CancelReply, OrderState, Problem, Role, route};
use ushield_protocol::authorization::Decision as Said;
use ushield_protocol::code::Code;
use ushield_protocol::key::{BankId, Hash, OrderId, PublicKey, SigningKey, VerifySignature};
use ushield_protocol::order::{Operation, Transfer};
use ushield_protocol::planted::{self, Bug};
use ushield_protocol::receipt::{Outcome, Receipt};
use ushield_protocol::refusal::Refusal;
use ushield_protocol::verify::{self, Anomaly};

use crate::certificate::Ca;
use crate::error::BankError;
use crate::ledger::{Posting, clearing, income};
use crate::number::signed;

/// What the bank signs and verifies with.
#[derive(Debug)]
pub struct Authority<'a, V> {
    /// The bank.
    pub bank: &'a BankId,
    /// Signs receipts.
    pub receipt_key: &'a SigningKey,
    /// Issues certificates.
    pub ca: &'a Ca,
    /// Checks signatures.
    pub verifier: &'a V,
}

/// Decides over an answer that was sent for the order `addressed`.
pub fn decide(
    received: &[u8],
    addressed: &OrderId,
    now: u64,
    rows: &Rows,
    authority: &Authority<'_, impl VerifySignature>,
) -> Result<Decision, BankError> {
    // (1) Recorded before: the stored reply, whatever has become of key, order or time.
    if let Some(reply) = rows.reply.as_ref().filter(|_| !planted::on(Bug::NoDeduplication)) {
        return Ok(Decision { writes: Vec::new(), reply: reply.clone() });
    }
    let found = if verify::is_attestation(received) {
        Answer::attestation(received, now, rows, authority)
    } else {
        Answer::authorization(received, now, rows, authority)
    };
    // (2), (3) What fails leaves no trace.
    let (answer, order) = match found {
        Ok(answer) => match rows.order.as_ref().filter(|order| order.id == *addressed) {
            Some(order) => (answer, order),
            None => return problem(Vec::new(), &not_authentic(Code::BadAuthorization.into())),
        },
        Err(refusal) => return problem(Vec::new(), &not_authentic(refusal)),
    };
    answer.settle(order, now, rows, authority)
}

/// Cancels an order of the customer who asks: its end, if it was open, and the reply. An ended one returns the receipt of its end.
pub fn cancel(
    order: Option<&OwnOrder>,
    now: u64,
    authority: &Authority<'_, impl VerifySignature>,
) -> Result<(Option<End>, Reply), BankError> {
    let order = order.ok_or_else(unknown_order)?;
    let end = match &order.receipt {
        Some(_) => None,
        None => Some(ended(&order.id, &order.hash, Outcome::Cancelled, None, now, authority)),
    };
    let receipt = end.as_ref().map(|end| &end.receipt).or(order.receipt.as_ref());
    let receipt = Base64Url(receipt.cloned().unwrap_or_default());
    Ok((end, reply(200, route::JSON, &CancelReply { receipt })?))
}

/// Ends those of the open orders whose time is over.
#[must_use]
pub fn expire(open: &[OpenOrder], now: u64, authority: &Authority<'_, impl VerifySignature>) -> Vec<End> {
    let over = open.iter().filter(|order| order.expires < now);
    over.map(|order| ended(&order.id, &order.hash, Outcome::Expired, None, now, authority)).collect()
}

/// Another customer's order looks like one that does not exist.
pub(crate) fn unknown_order() -> BankError {
    BankError::problem(Code::UnknownOrder, "No order of this customer has this id.")
}

/// An authentic answer: who signed it, what it says, and what speaks against it.
struct Answer {
    record: Record,
    anomaly: Option<Anomaly>,
    objection: Option<Code>,
    /// The order as it was issued: amounts and accounts are taken from here and nowhere else.
    operation: Operation,
    /// For an attestation: the key to certify.
    new_key: Option<(Role, PublicKey)>,
}

impl Answer {
    fn authorization(
        received: &[u8],
        now: u64,
        rows: &Rows,
        authority: &Authority<'_, impl VerifySignature>,
    ) -> Result<Self, Refusal> {
        let found = verify::authorization(received, rows, authority.verifier)?;
        let payload = found.authorization.payload();
        let kind = match found.authorization.decision() {
            Said::Approved | Said::LoginApproved => Kind::Approval,
            Said::Rejected => Kind::Rejection,
        };
        let record = Record {
            payload_hash: found.authorization.payload_hash(),
            key: found.key.key.key_id(),
            link: Some((payload.counter, payload.previous)),
            order: found.order.id(),
            kind,
            bytes: received.to_vec(),
            received: now,
        };
        let operation = found.order.payload().operation.clone();
        let anomaly = found.anomaly.filter(|_| !planted::on(Bug::TwoStatesBorne));
        Ok(Self { record, anomaly, objection: found.objection, operation, new_key: None })
    }

    fn attestation(
        received: &[u8],
        now: u64,
        rows: &Rows,
        authority: &Authority<'_, impl VerifySignature>,
    ) -> Result<Self, Refusal> {
        let device = rows.device_key().ok_or(Code::UnknownOrder)?;
        let found = verify::attestation(received, &device.key, rows, authority.verifier)?;
        let role = match found.attestation.role {
            ushield_protocol::message::Role::Pay => Role::Pay,
            ushield_protocol::message::Role::Login => Role::Login,
        };
        let objection = if !device.active {
            Some(Code::KeyNotActive)
        } else if rows.role_taken {
            Some(Code::CertificateExists)
        } else if rows.key_known {
            Some(Code::BadAuthorization)
        } else {
            found.objection
        };
        let record = Record {
            payload_hash: found.payload_hash,
            key: device.key.key_id(),
            link: None,
            order: found.order.id(),
            kind: Kind::Attestation,
            bytes: received.to_vec(),
            received: now,
        };
        let operation = found.order.payload().operation.clone();
        Ok(Self { record, anomaly: None, objection, operation, new_key: Some((role, found.attestation.key)) })
    }

    /// Steps 4 to 7: from here on everything leaves a trace.
    fn settle(
        self,
        order: &OrderRow,
        now: u64,
        rows: &Rows,
        authority: &Authority<'_, impl VerifySignature>,
    ) -> Result<Decision, BankError> {
        let hash = self.record.payload_hash;
        // (4) Two states of one key freeze it; (5) recorded, whatever the outcome.
        let mut writes = match self.anomaly {
            Some(anomaly) => {
                vec![Write::RecordAnomaly(self.record.clone(), anomaly), Write::Freeze(self.record.key)]
            }
            None => vec![Write::Record(self.record.clone())],
        };
        let again = planted::on(Bug::NoDeduplication);
        if order.answered && !again {
            let other = Problem::new(
                Code::OtherAuthorization,
                "Another answer to this order is recorded. Fetch the order for its receipt.",
            );
            return stored(writes, hash, problem_reply(&other)?);
        }
        // (6) Ended before: its receipt.
        if order.state != OrderState::Open && !again {
            let receipt = order.receipt.clone().ok_or(BankError::Damaged("receipt"))?;
            return stored(writes, hash, receipt_reply(receipt, None)?);
        }
        // (7) The end.
        let verdict = match self.anomaly {
            Some(_) => Verdict::refused(Code::KeyFrozen),
            None => self.verdict(order, now, rows, authority)?,
        };
        let Verdict { outcome, reason, consequence, certificate } = verdict;
        let end = ended(&order.id, &order.hash, outcome, reason, now, authority);
        let receipt = end.receipt.clone();
        writes.extend(consequence);
        writes.push(Write::End(end));
        stored(writes, hash, receipt_reply(receipt, certificate)?)
    }

    fn verdict(
        &self,
        order: &OrderRow,
        now: u64,
        rows: &Rows,
        authority: &Authority<'_, impl VerifySignature>,
    ) -> Result<Verdict, BankError> {
        match (self.record.kind, self.objection) {
            (_, Some(Code::KeyNotActive)) => return Ok(Verdict::refused(Code::KeyNotActive)),
            // A customer who declined has declined, whatever else the token got wrong: no money moves either way.
            (Kind::Rejection, _) if now <= order.expires && !planted::on(Bug::RejectionAccepted) => {
                return Ok(Verdict::plain(Outcome::Rejected));
            }
            (Kind::Approval | Kind::Attestation, Some(code)) => return Ok(Verdict::refused(code)),
            _ if now > order.expires => return Ok(Verdict::plain(Outcome::Expired)),
            _ => {}
        }
        match (&self.new_key, &self.operation) {
            (Some((role, key)), Operation::CertificateDownload(_)) => {
                certify(order, *role, key, now, authority)
            }
            (None, Operation::Transfer(transfer)) => pay(order, transfer, rows),
            // The verification lets neither through.
            (Some(_), Operation::Transfer(_)) | (None, Operation::CertificateDownload(_)) => {
                Ok(Verdict::refused(Code::BadAuthorization))
            }
        }
    }
}

/// How an order ends, and what follows from it.
struct Verdict {
    outcome: Outcome,
    reason: Option<Code>,
    consequence: Option<Write>,
    certificate: Option<Vec<Vec<u8>>>,
}

impl Verdict {
    fn plain(outcome: Outcome) -> Self {
        Self { outcome, reason: None, consequence: None, certificate: None }
    }

    fn refused(code: Code) -> Self {
        Self { reason: Some(code), ..Self::plain(Outcome::Refused) }
    }
}

fn pay(order: &OrderRow, transfer: &Transfer, rows: &Rows) -> Result<Verdict, BankError> {
    let amount = signed(transfer.amount.minor())?;
    let charges = signed(transfer.charges.unwrap_or(0))?;
    let total = amount.checked_add(charges).ok_or(BankError::Damaged("amount"))?;
    if rows.debtor_balance < total {
        return Ok(Verdict::refused(Code::InsufficientFunds));
    }
    let amount_in = transfer.amount.currency();
    let currency = amount_in.code();
    let creditor = if rows.creditor_is_here { transfer.creditor_account.clone() } else { clearing(currency) };
    let mut postings = vec![
        Posting { account: transfer.debtor_account.clone(), amount: -total },
        Posting { account: creditor, amount },
    ];
    if planted::on(Bug::OneSidedBooking) && !rows.creditor_is_here {
        postings.truncate(1);
    }
    if charges > 0 {
        postings.push(Posting { account: income(currency), amount: charges });
    }
    let post = Write::Post(order.id, currency.to_owned(), postings);
    Ok(Verdict { consequence: Some(post), ..Verdict::plain(Outcome::Executed) })
}

fn certify(
    order: &OrderRow,
    role: Role,
    key: &PublicKey,
    now: u64,
    authority: &Authority<'_, impl VerifySignature>,
) -> Result<Verdict, BankError> {
    let chain = authority.ca.issue(&order.device, role, key, &order.hash, now)?;
    let new =
        NewKey { device: order.device, role, key: *key, order: order.id, chain: chain.clone(), since: now };
    Ok(Verdict {
        consequence: Some(Write::AddKey(new)),
        certificate: Some(chain),
        ..Verdict::plain(Outcome::Executed)
    })
}

fn ended(
    order: &OrderId,
    order_hash: &Hash,
    outcome: Outcome,
    reason: Option<Code>,
    now: u64,
    authority: &Authority<'_, impl VerifySignature>,
) -> End {
    let receipt = Receipt {
        bank: authority.bank.clone(),
        order: *order,
        order_hash: *order_hash,
        outcome,
        ended: now,
        reason,
    };
    End { order: *order, outcome, reason, ended: now, receipt: receipt.sign(authority.receipt_key) }
}

fn not_authentic(refusal: Refusal) -> Problem {
    let detail = match refusal.code {
        Code::UnknownOrder => "No order of this bank has the hash that this answer names.".to_owned(),
        Code::RejectionAsApproval => "The key that signed this may not sign this decision.".to_owned(),
        _ => format!("This is not an answer to this order by a key of its customer's token ({refusal})."),
    };
    Problem::new(refusal.code, detail)
}

fn stored(mut writes: Vec<Write>, hash: Hash, reply: Reply) -> Result<Decision, BankError> {
    writes.push(Write::Reply(hash, reply.clone()));
    Ok(Decision { writes, reply })
}

fn problem(writes: Vec<Write>, problem: &Problem) -> Result<Decision, BankError> {
    Ok(Decision { writes, reply: problem_reply(problem)? })
}

/// The reply that is a problem document.
pub(crate) fn problem_reply(problem: &Problem) -> Result<Reply, BankError> {
    reply(problem.status, route::PROBLEM, problem)
}

fn receipt_reply(receipt: Vec<u8>, certificate: Option<Vec<Vec<u8>>>) -> Result<Reply, BankError> {
    let certificate = certificate.map(|chain| chain.into_iter().map(Base64Url).collect());
    reply(200, route::JSON, &AuthorizationReply { receipt: Base64Url(receipt), certificate })
}

/// A reply whose body is JSON.
pub(crate) fn reply(status: u16, media_type: &str, body: &impl serde::Serialize) -> Result<Reply, BankError> {
    let body = serde_json::to_vec(body).map_err(|_| BankError::Damaged("reply"))?;
    Ok(Reply { status, media_type: media_type.to_owned(), body })
}
