# Texts for customers, English. One message for each code of the catalogue (docs/protocol.md, section 14): title, what happened, what to do.
# Arguments: $tries, $place, $holder, $path, $host; each is "none" when nothing is known.

## Done, or under way

ok = Done
    .what = It worked.
    .remedy = There is nothing to do.
shown = On the token's screen
    .what = The token is showing this order.
    .remedy = Read every page on the token, then press OK to approve or C to reject.
pin-needed = PIN needed
    .what = OK was pressed on the token, but it has no PIN to check yet.
    .remedy = Enter the PIN on this phone, then press OK on the token again.
pin-wrong = Wrong PIN
    .what = { $tries ->
        [none] The token did not accept this PIN.
        [0] The token did not accept this PIN, and it is locked now.
        [1] The token did not accept this PIN. One try is left; a further wrong PIN locks the token.
       *[other] The token did not accept this PIN. { $tries } tries are left.
    }
    .remedy = { $tries ->
        [0] Ask your bank for a PIN reset.
       *[other] Enter the PIN again with care, then press OK on the token. If you are not sure of it, stop and ask your bank for a PIN reset.
    }
last-try = Last try
    .what = One try is left. A wrong PIN now locks the token.
    .remedy = If you are sure of the PIN, press OK on the token once more. If not, press C and ask your bank for a PIN reset.
waiting = Waiting for you
    .what = The token is still showing the order; no key was pressed yet.
    .remedy = Read every page on the token, then press OK to approve or C to reject.

## Said by the token

malformed = Data not understood
    .what = { $place ->
        [none] Something arrived that does not keep to the agreed form. It was refused.
       *[other] Something arrived that does not keep to the agreed form (at { $place }). It was refused.
    }
    .remedy = Update the app and try again. If it happens again, tell your bank.
unknown-command = Not known to this token
    .what = The token does not know this function. Its firmware may be older than the app.
    .remedy = Ask your bank for newer firmware or a newer token.
unknown-version = No common version
    .what = The app and the token do not speak the same version of the protocol.
    .remedy = Update the app. If that does not help, ask your bank for a newer token.
unknown-phone = The token does not know this phone
    .what = The token says that this phone is not paired with it. Nothing was deleted on the phone.
    .remedy = Check that this is the right token. If the phone was removed on it, open pairing mode with the token's keys and pair again.
not-pairing = Pairing mode is not open
    .what = A token takes a new phone only after its pairing mode was opened by hand.
    .remedy = Open pairing mode in the token's menu, then try again.
pairing-tries-spent = Pairing was stopped
    .what = Three attempts to pair did not come to an end. Pairing is closed now, to protect you.
    .remedy = Go where no stranger's device is near, open pairing mode again with the token's keys, and start over.
phones-full = The token is paired with 8 phones
    .what = It cannot take another one.
    .remedy = Forget a phone that you no longer use, then pair this one.
busy = The token is busy
    .what = It is showing another order or talking to another device.
    .remedy = Finish or reject what is on its screen, then try again.
too-large = Too large for the token
    .what = The order is larger than this token can take. It was not shown.
    .remedy = Shorten the remittance text and create the order again.
declined = Declined on the token
    .what = C was pressed on the token. Nothing was changed.
    .remedy = If that was a mistake, start again.
pairing-code-spent = The code is no longer valid
    .what = Each code on the token's screen serves one attempt, and by now the token shows another one, or has left pairing mode. Nothing was paired.
    .remedy = Let the token show a code and scan the one that stands there now.
pin-initial = Change the PIN first
    .what = The token still has the PIN that it was handed out with. With it, nothing else is allowed.
    .remedy = Change the PIN now, with the phone that is paired. Where that phone is gone, remove it in the token's menu first, then pair this one.
pin-locked = The PIN is locked
    .what = Too many wrong PINs were entered. The token approves nothing until the PIN is reset.
    .remedy = Ask your bank for a PIN reset and have an identity document ready.
pin-too-simple = The new PIN is too simple
    .what = All characters are equal or follow one another, such as 111111 or 123456.
    .remedy = Choose a PIN that is harder to guess.
pin-unchanged = The PIN is the same as before
    .what = The new PIN equals the old one. Nothing was changed.
    .remedy = Choose another PIN.
bad-signature = Not genuine
    .what = The bank's signature does not fit. What it signs was refused.
    .remedy = Do not try again. Call your bank on a number that you know.
unknown-order-key = The token does not know the bank's new key yet
    .what = The bank signs with a key that has to be brought to the token first.
    .remedy = Try again: the app fetches the key and brings it to the token by itself.
operation-not-allowed = The bank's key may not do this
    .what = The order was signed with a key that is not allowed for this kind of order. It was refused.
    .remedy = Tell your bank. Trying again will not help.
wrong-addressee = For another token
    .what = The order was made for another token than this one.
    .remedy = Connect the token that your bank issued for this account. If this is the one, tell your bank.
wrong-bank = From another bank
    .what = The order does not come from the bank of this token. It was refused.
    .remedy = Use the token of the bank that you are dealing with.
order-expired = The order has expired
    .what = It can no longer be confirmed.
    .remedy = Create a new order if you still want it.
issued-outside-validity = The order's date does not fit
    .what = The order was signed at a time at which the bank's key was not valid. It was refused.
    .remedy = Tell your bank. Trying again will not help.
order-id-reused = Order number used twice
    .what = The token has already seen another order with the same number, so it refused this one.
    .remedy = Tell your bank, and do not confirm a copy of this order.
store-full = The token's memory is full
    .what = It keeps its answers until the orders have expired, and has no room for another one now. Nothing was shown.
    .remedy = Try again later. If it stays like this, ask your bank.
unshowable = The token cannot show this order
    .what = { $place ->
        [none] A token shows an order in full or not at all, and something in this one cannot be shown.
       *[other] A token shows an order in full or not at all, and something in this one cannot be shown (at { $place }).
    }
    .remedy = Replace rare characters and very long words in the name or the remittance text, then create the order again.
epoch-fallen = An outdated bank key
    .what = A key of the bank was offered that is older than one already seen. It was refused.
    .remedy = Check the connection to the internet and try again. If it happens again, tell your bank.
no-certificate = No certificate yet
    .what = Without a certificate of your bank the token cannot approve orders.
    .remedy = Download a certificate first.
certificate-exists = The token has a certificate
    .what = There is a certificate for this purpose already, so no first one can be issued.
    .remedy = There is nothing to do. If it is about to run out, ask your bank for a renewal.
wrong-certificate = The certificate does not fit
    .what = The certificate was not made for this token's key. The token did not take it.
    .remedy = Ask your bank to issue it again.
cancelled = Cancelled
    .what = The order was taken off the token's screen. The token signed nothing.
    .remedy = Create a new order if you still want it.
timed-out = No key was pressed in time
    .what = The token stopped waiting and signed nothing.
    .remedy = Take the token in your hand and start again.
not-found = Not on the token
    .what = The token does not have what was asked for.
    .remedy = Look at the list again: it may have been removed or decided in the meantime.
already-decided = Already decided on the token
    .what = You have approved or rejected this order on the token. It cannot be taken back there.
    .remedy = Let the app fetch the result. To take the order back, ask your bank at once.
token-failure = The token reports a fault
    .what = Something went wrong inside the token. An answer that you gave before is kept.
    .remedy = Switch the token off and on and try again. If it happens again, have your bank replace it.

## Said by the bank

bad-authorization = The bank did not accept the answer
    .what = The token's answer could not be verified. It changed nothing about the order.
    .remedy = Look the order up before you do anything else, update the app, and tell your bank.
unknown-order = The bank does not know this order
    .what = The order is not in the bank's records.
    .remedy = Look at your open orders, and create the order again only if it is not among them.
key-frozen = The token's key was suspended
    .what = The bank has seen signs that there are two copies of your token, and stopped accepting its answers.
    .remedy = Call your bank now, on a number that you know.
other-authorization = Another answer was there first
    .what = The bank already has an answer to this order, and it is not this one.
    .remedy = Look the order up to see how it ended. If you do not recognise it, call your bank.
in-progress = The bank is still working on it
    .what = Your request has arrived and is being dealt with.
    .remedy = Wait a moment and ask again. Do not create the order a second time.
other-request = The request does not match
    .what = The app sent another request under the number of an earlier one. The bank did not act on it.
    .remedy = Start the order anew. If it happens again, update the app.
bad-request = The bank did not accept the input
    .what = { $place ->
        [none] Something in the request is missing or not allowed.
       *[other] Something in the request is missing or not allowed: { $place }.
    }
    .remedy = Correct it and try again.
not-signed-in = Please sign in
    .what = You are not signed in at your bank, or too much time has passed.
    .remedy = Sign in and try again.
wrong-password = Sign-in failed
    .what = { $tries ->
        [none] The customer name or the password is wrong.
        [0] The customer name or the password is wrong, and no attempt is left.
        [1] The customer name or the password is wrong. One attempt is left.
       *[other] The customer name or the password is wrong. { $tries } attempts are left.
    }
    .remedy = { $tries ->
        [0] Ask your bank to open your access again.
       *[other] Check both and try again.
    }
insufficient-funds = Not enough money
    .what = The account does not hold this amount.
    .remedy = Choose a smaller amount or another account.
unknown-account = Account not found
    .what = { $place ->
        [none] The bank does not know this account, or it is not yours to pay from.
       *[other] The bank does not know this account, or it is not yours to pay from: { $place }.
    }
    .remedy = Check the account number and try again.
no-token = No token at the bank
    .what = The bank has no token on record for you.
    .remedy = Collect a token at your bank, or ask why yours is not on record.
pages-differ = The token showed something else
    .what = What the token says it showed is not what the bank asked it to show. The order was refused.
    .remedy = Do not use this token any more, and call your bank.
pin-policy = The PIN was not checked
    .what = This order needs the PIN, and the token's answer says that none was checked. The order was refused.
    .remedy = Tell your bank; the token may be defective.
key-not-active = The token's certificate is not valid
    .what = It has expired or was revoked, so the bank did not accept the answer.
    .remedy = Ask your bank for a renewal.
bank-failure = The bank has a problem
    .what = The bank could not deal with the request.
    .remedy = Try again later: the app goes on where it stopped.
too-many-attempts = Too many attempts
    .what = The bank has stopped taking attempts for a while, to protect you.
    .remedy = Wait some minutes and try again.
bank-unreachable = The bank cannot be reached
    .what = { $host ->
        [none] No answer came from the bank.
       *[other] No answer came from { $host }.
    }
    .remedy = Check the connection to the internet and try again: the app goes on where it stopped.
bank-untrusted = This is not your bank
    .what = { $host ->
        [none] The other end could not prove that it is your bank. Nothing was sent to it.
       *[other] { $host } could not prove that it is your bank. Nothing was sent to it.
    }
    .remedy = Leave this network, above all if it is a public one. Check this device's date and time, then try again. If it happens again, call your bank.
bank-lied = The bank's answer does not fit
    .what = An answer is not signed by your bank or contradicts what it signed. It was not believed.
    .remedy = Call your bank on a number that you know. Until then, take nothing that it answered for certain.

## The way to the token

token-not-found = Token not found
    .what = { $host ->
        [none] No token answered.
       *[other] No token answered at { $host }.
    }
    .remedy = Press a key on the token, keep it near, and try again. To pair, open pairing mode in its menu first; if this phone was removed on it, pair again.
link-lost = The connection to the token was lost
    .what = Nothing is lost: if you have pressed OK, the token keeps your answer.
    .remedy = Bring the token near again and go on.
tag-lost = The token was taken away too soon
    .what = It no longer lies on the phone or in the reader. Nothing is lost: what it shows it goes on showing, and it keeps your answer.
    .remedy = Hold it there again and go on.
token-timeout = The token does not answer
    .what = The connection stands, but no answer came in time. If you have pressed OK, the token keeps your answer.
    .remedy = Switch the token off and on, and go on.
token-misbehaved = The token does not keep to the rules
    .what = It sent something that no genuine token sends. The connection was closed.
    .remedy = Check that this is your token, and try once more. If it happens again, do not use it, and call your bank.
wrong-token = Another token
    .what = { $device ->
        [none] This is not the token that is asked for.
       *[other] The token that is there is { $device }, not the one that is asked for.
    }
    .remedy = Take the right token. With several paired tokens, say which one is meant.
channel-broken = The secure connection was disturbed
    .what = A message arrived damaged or out of its order, so the connection was closed. Nobody could read or change anything.
    .remedy = Try again. If it happens often, go somewhere else: someone may be interfering.
radio-off = Bluetooth or NFC is not on
    .what = It is switched off, there is no such radio, or the system's service for it does not run.
    .remedy = Switch it on in the settings. On Linux, see that D-Bus and BlueZ (bluetoothd) run. Then try again.
radio-forbidden = The app may not use Bluetooth or NFC
    .what = The system did not let the app look for tokens.
    .remedy = Allow it in the system's settings for this app, then try again.
no-reader = No card reader
    .what = { $host ->
        [none] There is no reader for a token here, or the system's service for readers does not run.
       *[other] There is no reader { $host } here, or the system's service for readers does not run.
    }
    .remedy = Plug the reader in. On Linux, see that the service pcscd runs. Then try again.

## Pairing

bad-commitment = Pairing is not safe here
    .what = The token did not keep to the pairing's rules, as when someone stands in between. Nothing was paired.
    .remedy = Go where no stranger's device is near and start over. If it happens again, call your bank.
untrusted-maker = This may not be a genuine token
    .what = It does not come from a maker that your bank trusts. Nothing was paired.
    .remedy = Do not enter your PIN. Show the token to your bank.
bad-device-statement = The token could not prove itself
    .what = This connection may lead to another device than your token. Nothing was paired.
    .remedy = Go where no stranger's device is near and start over. If it happens again, call your bank.
digits-differ = The digits differ
    .what = The phone and the token did not show the same six digits: someone may stand in between. Nothing was paired.
    .remedy = Start over somewhere else, and compare all six digits. If they differ again, call your bank.
not-paired = Not paired yet
    .what = { $device ->
        [none] This phone is not paired with a token.
       *[other] This phone is not paired with the token that this is for: { $device }.
    }
    .remedy = Open pairing mode in that token's menu and pair it. An order that is for another token can be cancelled without it.
already-paired = Already paired
    .what = This phone is paired with this token.
    .remedy = There is nothing to do. To pair anew, forget the token first.
bad-pairing-code = Not a pairing code
    .what = What was read is no code by which a token pairs.
    .remedy = Choose "Pair a phone" in the token's menu, press the down key for the code, and scan that one.
profile-unknown = The token's screen is not known
    .what = This phone has not been connected to the token since they were paired, or the token is newer than this app: how its screen shows an order is not known here.
    .remedy = Connect to the token once and try again. If it stays so, update the app. The token itself shows the order in any case.

## Refused by the app, to protect you

wrong-authorization = An answer to another order
    .what = The token's answer does not belong to this order. It was not sent to the bank.
    .remedy = Try again. If it happens again, do not use this token, and call your bank.
rejection-as-approval = A rejection in place of an approval
    .what = The answer is called an approval, but what the token signed is a rejection. It does not count as an approval.
    .remedy = Look the order up before you do anything else. If it happens again, call your bank.
order-altered = Not what you asked for
    .what = { $place ->
        [none] The order that came from the bank differs from your request. It was not sent to the token.
       *[other] The order that came from the bank differs from your request ({ $place }). It was not sent to the token.
    }
    .remedy = Confirm nothing, and call your bank on a number that you know.
unexpected-event = A step out of turn
    .what = Something happened that cannot happen at this point. Everything stays as it was.
    .remedy = Close the app and open it again. If it happens again, update the app.

## Input

bad-input = Please check your input
    .what = { $place ->
        [none] Something is missing or not allowed.
       *[other] This is missing or not allowed: { $place }.
    }
    .remedy = Correct it and try again.
bad-text = A text that is not allowed
    .what = { $place ->
        [none] The text is empty, too long, or holds characters that could deceive or cannot be shown.
       *[other] { $place }: the text is empty, too long, or holds characters that could deceive or cannot be shown.
    }
    .remedy = Shorten it if it is long; else type it again yourself, without invisible characters, rather than pasting it.
bad-check-digits = The account number has a mistake
    .what = { $place ->
        [none] Its check digits do not fit: a digit is wrong or two are swapped.
       *[other] { $place }: the check digits do not fit. A digit is wrong or two are swapped.
    }
    .remedy = Compare it with the original, digit by digit.
unknown-currency = Unknown currency
    .what = This is not the code of a currency, such as CNY or EUR.
    .remedy = Choose a currency from the list.
bad-exponent = The amount does not fit its currency
    .what = The number of decimals is not the currency's own, so the amount could be misread. The order was refused.
    .remedy = Tell your bank. Confirm nothing.
bad-pin-format = This cannot be a PIN
    .what = A PIN has 6 to 12 characters: digits and the letters A to Z, capital or small.
    .remedy = Enter it again.

## This device

store-corrupt = The app's data was damaged
    .what = { $path ->
        [none] What the app had stored is not as it was written.
       *[other] What the app had stored is not as it was written. It was put aside, unchanged: { $path }
    }
    .remedy = Sign in and your orders come from the bank again. Pair your token once more. No payment is lost or made twice by this.
disk-full = No space left
    .what = There is no room to store the next step, so it was not taken. What was stored before is safe.
    .remedy = Free some space and try again.
store-locked = The app is open already
    .what = { $holder ->
        [none] The app's data is in use, by another program or a second time by this one.
       *[other] The app's data is in use by { $holder }.
    }
    .remedy = Close the app where it is open, then try again.
store-failure = The app's data cannot be used
    .what = { $path ->
        [none] The device did not allow reading or writing the app's data.
       *[other] The device did not allow reading or writing here: { $path }
    }
    .remedy = Check the permissions of the folder and the state of the disk, and that the app is not older than its data.
keystore-failure = The app's keys cannot be used
    .what = { $path ->
        [none] The device's key store did not give the app its keys.
       *[other] The device's key store did not give the app its keys: { $path }
    }
    .remedy = Unlock the device and try again. Keys in a file must be whole, and readable by you alone.
not-set-up = Not set up yet
    .what = This app has not been told about your bank yet.
    .remedy = Set it up first, with what your bank gave you.
other-setup = Set up for somebody else
    .what = The app's data here is of another customer or another bank.
    .remedy = Use a place of its own for each customer of each bank, or the same customer and bank as before.
secret-missing = A secret is needed
    .what = { $place ->
        [none] A PIN or password is needed, and there is nobody to ask for it.
       *[other] This is needed, and there is nobody to ask for it: { $place }.
    }
    .remedy = Run this where it can be typed in, or hand it over as the help text says.
interrupted = Stopped
    .what = It was stopped before its end. What was stored stays, and an answer given on the token is kept.
    .remedy = Start again: it goes on where it stopped.

## What the token may have done although its word was lost: in the place of the code's text.

doubt-pin-change = The PIN may be changed
    .what = The token's answer was lost. If you have pressed OK, the PIN may already be the new one.
    .remedy = Try the new PIN first. If the old one holds no more, typing it spends a try.
doubt-pairing = The token may be paired
    .what = The token's answer was lost. If you have pressed OK, the token may list this phone, but this phone does not know the token.
    .remedy = Pair once more: open the token's pairing mode with its keys. If it lists this phone already, that entry is replaced.
doubt-forget = The phone may be forgotten
    .what = The token's answer was lost. If you have pressed OK, it has forgotten the phone.
    .remedy = Look at the token's list of phones. If this phone is not there any more, remove the token from this phone too.

## Moments of a flow. Arguments as each one needs them.

moment-connecting = { $link ->
    [none] Looking for the token. Switch it on and keep it near.
   *[other] Looking for the token ({ $link }). Switch it on and keep it near.
}
moment-connected = Connected to the token.
moment-radio-off = Bluetooth or NFC is off: switch it on …
moment-radio-forbidden = This app may not use Bluetooth or NFC: allow it in the system's settings …
moment-no-reader = There is no card reader: plug it in …
moment-several-tokens = { $found } tokens are in reach. The nearest one, or the first that answers, is taken: keep the others away.
moment-wrong-token = { $name ->
        [none] This token does not know this phone: take the right one …
       *[other] This is the token { $name }, another one is asked for: take the right one …
    }
moment-tag-lost = The token was taken away. It goes on showing: hold it there again when you are ready …
moment-reconnecting = The connection was lost, or nobody answered. Trying again (attempt { $attempt }) …
moment-resuming = Going on with order { $order }.
moment-creating-order = The bank is preparing the order …
moment-open-order-found = An order of the same amount to the same account is open already ({ $order }): this goes on with that one, as it is.
moment-press-ok-on-token = { $screen }
moment-review-on-token = { $pages ->
        [1] Read the page on the token's screen. Press OK there if it is right, C if it is not.
       *[other] Read all { $pages } pages on the token's screen. Press OK on the last one if everything is right, C if it is not.
    }
moment-pin-needed = The token is waiting for the PIN. After it, press OK on the token again.
moment-pin-wrong = { $tries ->
        [0] Wrong PIN. The token is locked now.
        [1] Wrong PIN. One try is left; a further wrong PIN locks the token.
       *[other] Wrong PIN. { $tries } tries are left.
    }
moment-last-try = Last try: a wrong PIN now locks the token. Press OK on the token once more only if you are sure of it.
moment-approved = Approved on the token.
moment-rejected = Rejected on the token.
moment-submitting = Sending your answer to the bank …
moment-unknown = How order { $order } ended is not known yet. It has not failed. The app asks the bank for the receipt, now and whenever it goes on; do not create the order again.
moment-cancelling = Taking the order back …
moment-settled = { $outcome }
moment-storing-certificate = Storing the certificate on the token …

## Screens of the token that ask for OK

screen-pairing = Compare the six digits on both screens. If they are equal, press OK on the token; if not, press C.
screen-pairing-by-code = Press OK on the token.
screen-pin-change = The token asks whether to change the PIN. Press OK there if you asked for this, C if not.
screen-forget = The token asks whether to forget a phone. Press OK there if you asked for this, C if not.

## What a PIN is asked for

ask-approve = { $token ->
        [none] PIN of the token
       *[other] PIN of { $token }
    }
ask-wrong-before = { $token ->
        [none] PIN of the token
       *[other] PIN of { $token }
    } ({ $tries ->
        [1] one try left
       *[other] { $tries } tries left
    })
ask-second-phone = { $token ->
        [none] PIN of the token
       *[other] PIN of { $token }
    }, to pair a further phone
ask-current = { $token ->
        [none] Current PIN of the token
       *[other] Current PIN of { $token }
    }
ask-new = { $token ->
        [none] New PIN
       *[other] New PIN of { $token }
    } (6 to 12 digits or letters)

## What became of an order

status-requested = Requested
status-open = Waiting for your decision on the token
status-decided = Decided; on its way to the bank
status-unknown = Not known yet
status-executed = Executed
status-rejected = Rejected on the token
status-expired = Expired; not executed
status-cancelled = Cancelled; not executed
status-refused = Refused by the bank; not executed
status-not-created = Not accepted by the bank; there is no order

## Names of inputs

place-account-scheme = kind of account
place-amount = amount
place-bank = address of the bank
place-ca = the bank's CA certificate
place-creditor-account = the payee's account
place-creditor-agent = the payee's bank
place-creditor-name = name of the payee
place-currency = currency
place-customer = customer name
place-debtor-account = account to pay from
place-execution-date = execution date
place-keystore = folder of the keys
place-new-pin = new PIN
place-password = password
place-phone = name of this phone
place-pin = PIN of the token
place-remittance-text = remittance text
place-role = purpose of the certificate
place-token-digits = digits on the token's screen
place-trust-name = name of the bank
