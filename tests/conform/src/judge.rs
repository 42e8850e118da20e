//! Whether an answer of the token is what it has to be, field by field.

use ushield_protocol::attestation::Attestation;
use ushield_protocol::authorization::{About, Authorization, Decision, Uv, Verified};
use ushield_protocol::key::{Hash, P256Verifier, PhoneId, PublicKey, sha256};
use ushield_protocol::order::OrderPayload;
use ushield_protocol::render::{Pages, Profile};

use crate::bench::{Bench, Chain};
use crate::miss::{Miss, Step, want};

/// An order as it was shown, and by whom it came.
pub(crate) struct Shown<'a> {
    pub(crate) order: &'a OrderPayload,
    pub(crate) pages: &'a Pages,
    pub(crate) via: PhoneId,
}

impl Bench {
    /// An approval by `pay`.
    pub(crate) async fn judge_approval(&mut self, answer: &[u8], shown: &Shown<'_>) -> Step {
        let key = self.pay()?;
        let (authorization, chain) =
            self.judge(answer, shown, Decision::Approved, &key, self.pay_chain).await?;
        self.pay_chain = chain;
        let uv = authorization.payload().about.uv;
        want(uv == Uv::Phone, "uv 1, a PIN typed on the phone", || format!("uv {}", uv.number()))
    }

    /// A rejection by `device`.
    pub(crate) async fn judge_rejection(&mut self, answer: &[u8], shown: &Shown<'_>) -> Step {
        let key = self.device_key()?;
        let (_, chain) = self.judge(answer, shown, Decision::Rejected, &key, self.device_chain).await?;
        self.device_chain = chain;
        Ok(())
    }

    async fn judge(
        &mut self,
        answer: &[u8],
        shown: &Shown<'_>,
        decision: Decision,
        key: &PublicKey,
        before: Chain,
    ) -> Step<(Authorization<Verified>, Chain)> {
        let form = |refusal: ushield_protocol::refusal::Refusal| {
            Miss::wrong("a canonical authorization with a low-S signature", refusal.to_string())
        };
        let authorization = Authorization::receive(answer).map_err(form)?;
        let expected = format!("a signature under {}", String::from_utf8_lossy(decision.tag().as_bytes()));
        let authorization = authorization
            .verify(decision, key, &P256Verifier)
            .map_err(|refusal| Miss::wrong(expected, refusal.to_string()))?;
        let payload = authorization.payload();
        self.judge_about(&payload.about, shown).await?;
        want(payload.via == shown.via, "via of the phone that delivered it", || payload.via.to_string())?;
        let firmware = self.info().await?.firmware;
        want(payload.firmware == firmware, "the firmware that info states", || payload.firmware.to_string())?;
        let (counter, previous) = (payload.counter, payload.previous);
        let came = || format!("counter {counter}, previous {previous}");
        match before.0 {
            Some((last, hash)) => {
                let expected = format!("counter {}, previous {hash}", last.saturating_add(1));
                want(counter == last.saturating_add(1) && previous == hash, &expected, came)?;
            }
            None => want((counter == 1) == (previous == Hash::ZERO), "zeros before counter 1 alone", came)?,
        }
        let chain = Chain(Some((counter, authorization.payload_hash())));
        Ok((authorization, chain))
    }

    /// Fields 1 to 9.
    async fn judge_about(&mut self, about: &About, shown: &Shown<'_>) -> Step {
        let Shown { order, pages, .. } = shown;
        let number = order.operation.number();
        want(about.operation == number, "the order's operation", || about.operation.to_string())?;
        want(about.order == order.id, "the order's id", || about.order.to_string())?;
        let hash = sha256(&[&order.encode()]);
        want(about.order_hash == hash, "the hash of the order's payload", || about.order_hash.to_string())?;
        let profile: Profile = self.profile().await?;
        want(about.profile == profile.number(), "the profile that info states", || {
            about.profile.to_string()
        })?;
        let count = pages.count();
        want(about.page_count == count, &format!("{count} pages"), || about.page_count.to_string())?;
        let digest = pages.digest();
        want(about.pages == digest, &format!("pages digest {digest}"), || about.pages.to_string())
    }

    /// An attestation by `device`.
    pub(crate) async fn judge_attestation(&mut self, answer: &[u8], shown: &Shown<'_>) -> Step<Attestation> {
        let key = self.device_key()?;
        let (attestation, _) = Attestation::verify(answer, &key, &P256Verifier)
            .map_err(|refusal| Miss::wrong("an attestation of 8.5 by device", refusal.to_string()))?;
        self.judge_about(&attestation.about, shown).await?;
        want(attestation.via == shown.via, "via of the phone that delivered it", || {
            attestation.via.to_string()
        })?;
        Ok(attestation)
    }
}
