-- The bank's database. What must never happen is refused here, whatever the program above it does.

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- BANKKEY statements in force, one row for each bank key and epoch.
CREATE TABLE bank_keys (
    key_name   TEXT NOT NULL CHECK (key_name IN ('receipt', 'transfer', 'certificate')),
    epoch      INTEGER NOT NULL CHECK (epoch BETWEEN 1 AND 4294967295),
    not_before INTEGER NOT NULL,
    not_after  INTEGER NOT NULL CHECK (not_after > not_before),
    statement  BLOB NOT NULL,
    PRIMARY KEY (key_name, epoch)
) STRICT;

CREATE TABLE customers (
    id            INTEGER NOT NULL PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL
) STRICT;

-- Failed sign-ins, by the hash of the name tried, so that names that are no customer's behave alike.
CREATE TABLE attempts (
    name_hash BLOB NOT NULL PRIMARY KEY,
    failed    INTEGER NOT NULL CHECK (failed >= 0),
    wait_till INTEGER NOT NULL,
    last      INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    token_hash BLOB NOT NULL PRIMARY KEY,
    customer   INTEGER NOT NULL REFERENCES customers,
    expires    INTEGER NOT NULL
) STRICT;

-- Double entry ------------------------------------------------------------------------------------------------------

CREATE TABLE accounts (
    number   TEXT NOT NULL PRIMARY KEY,
    customer INTEGER REFERENCES customers,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    balance  INTEGER NOT NULL DEFAULT 0,
    -- Accounts without a customer are the bank's own and may go below zero.
    CONSTRAINT no_overdraft CHECK (customer IS NULL OR balance >= 0)
) STRICT;

CREATE TRIGGER accounts_begin_empty BEFORE INSERT ON accounts WHEN NEW.balance <> 0
BEGIN SELECT RAISE(ABORT, 'an account begins at zero'); END;

CREATE TRIGGER accounts_keep_their_identity BEFORE UPDATE OF number, customer, currency ON accounts
BEGIN SELECT RAISE(ABORT, 'an account does not change'); END;

CREATE TRIGGER accounts_stay BEFORE DELETE ON accounts
BEGIN SELECT RAISE(ABORT, 'an account is not deleted'); END;

CREATE TABLE entries (
    id       INTEGER NOT NULL PRIMARY KEY,
    order_id BLOB UNIQUE REFERENCES orders,
    currency TEXT NOT NULL,
    booked   INTEGER NOT NULL,
    sealed   INTEGER NOT NULL DEFAULT 0 CHECK (sealed IN (0, 1))
) STRICT;

CREATE TABLE postings (
    entry   INTEGER NOT NULL REFERENCES entries,
    line    INTEGER NOT NULL,
    account TEXT NOT NULL REFERENCES accounts,
    -- Minor units; below zero leaves the account.
    amount  INTEGER NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (entry, line)
) STRICT;

CREATE INDEX postings_by_account ON postings (account);

CREATE TRIGGER entries_begin_open BEFORE INSERT ON entries WHEN NEW.sealed <> 0
BEGIN SELECT RAISE(ABORT, 'an entry begins open'); END;

CREATE TRIGGER entries_stay BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'an entry is not deleted'); END;

CREATE TRIGGER entries_only_get_sealed BEFORE UPDATE ON entries
WHEN OLD.sealed <> 0 OR NEW.sealed <> 1 OR NEW.id <> OLD.id OR NEW.order_id IS NOT OLD.order_id
    OR NEW.currency <> OLD.currency OR NEW.booked <> OLD.booked
BEGIN SELECT RAISE(ABORT, 'an entry is only sealed'); END;

CREATE TRIGGER entries_balance BEFORE UPDATE ON entries
WHEN (SELECT count(*) < 2 OR sum(amount) <> 0 FROM postings WHERE entry = OLD.id)
BEGIN SELECT RAISE(ABORT, 'an entry balances to zero'); END;

CREATE TRIGGER entries_move_balances AFTER UPDATE ON entries
BEGIN
    UPDATE accounts
    SET balance = balance + (SELECT sum(amount) FROM postings WHERE entry = NEW.id AND account = accounts.number)
    WHERE number IN (SELECT account FROM postings WHERE entry = NEW.id);
END;

-- A balance is the sum of the sealed postings and nothing else.
CREATE TRIGGER balances_follow_postings BEFORE UPDATE OF balance ON accounts
WHEN NEW.balance <> (
    SELECT coalesce(sum(p.amount), 0) FROM postings p JOIN entries e ON e.id = p.entry
    WHERE p.account = NEW.number AND e.sealed = 1
)
BEGIN SELECT RAISE(ABORT, 'a balance is the sum of its postings'); END;

CREATE TRIGGER postings_join_open_entries BEFORE INSERT ON postings
WHEN (SELECT sealed <> 0 FROM entries WHERE id = NEW.entry)
    OR (SELECT e.currency <> a.currency FROM entries e, accounts a WHERE e.id = NEW.entry AND a.number = NEW.account)
BEGIN SELECT RAISE(ABORT, 'a posting joins an open entry in its account''s currency'); END;

CREATE TRIGGER postings_do_not_change BEFORE UPDATE ON postings
BEGIN SELECT RAISE(ABORT, 'a posting does not change'); END;

CREATE TRIGGER postings_stay BEFORE DELETE ON postings
BEGIN SELECT RAISE(ABORT, 'a posting is not deleted'); END;

-- Tokens and their keys ---------------------------------------------------------------------------------------------

CREATE TABLE devices (
    device_id  BLOB NOT NULL PRIMARY KEY CHECK (length(device_id) = 16),
    customer   INTEGER NOT NULL REFERENCES customers,
    brand      TEXT NOT NULL,
    model      TEXT NOT NULL,
    firmware   INTEGER NOT NULL,
    profile    INTEGER NOT NULL,
    handed_out INTEGER NOT NULL
) STRICT;

-- Every key whose signatures the bank takes, the device key included.
CREATE TABLE token_keys (
    key_id     BLOB NOT NULL PRIMARY KEY CHECK (length(key_id) = 16),
    device_id  BLOB NOT NULL REFERENCES devices,
    role       TEXT NOT NULL CHECK (role IN ('device', 'pay', 'login')),
    public_key BLOB NOT NULL UNIQUE CHECK (length(public_key) = 33),
    status     TEXT NOT NULL CHECK (status IN ('active', 'frozen')),
    order_id   BLOB UNIQUE REFERENCES orders,
    -- DER certificates, length-prefixed (u16), own first; empty for the device key.
    chain      BLOB NOT NULL,
    since      INTEGER NOT NULL,
    UNIQUE (device_id, role),
    CHECK ((role = 'device') = (order_id IS NULL))
) STRICT;

CREATE TRIGGER keys_thaw_never BEFORE UPDATE ON token_keys
WHEN NEW.key_id <> OLD.key_id OR NEW.device_id <> OLD.device_id OR NEW.role <> OLD.role
    OR NEW.public_key <> OLD.public_key OR (OLD.status = 'frozen' AND NEW.status <> 'frozen')
BEGIN SELECT RAISE(ABORT, 'a key does not change, and a frozen one stays so'); END;

-- Orders ------------------------------------------------------------------------------------------------------------

CREATE TABLE orders (
    order_id         BLOB NOT NULL PRIMARY KEY CHECK (length(order_id) = 16),
    order_hash       BLOB NOT NULL UNIQUE CHECK (length(order_hash) = 32),
    bytes            BLOB NOT NULL,
    customer         INTEGER NOT NULL REFERENCES customers,
    device_id        BLOB NOT NULL REFERENCES devices,
    -- The key that approves it; none for a first certificate.
    key_id           BLOB REFERENCES token_keys,
    operation        INTEGER NOT NULL,
    profile          INTEGER NOT NULL,
    issued           INTEGER NOT NULL,
    expires          INTEGER NOT NULL CHECK (expires > issued),
    -- Highest counters recorded when the order was made, before it was first released.
    key_watermark    INTEGER NOT NULL CHECK (key_watermark >= 0),
    device_watermark INTEGER NOT NULL CHECK (device_watermark >= 0),
    -- Of a certificate download.
    role             TEXT CHECK (role IN ('pay', 'login')),
    -- Of a transfer.
    debtor_account   TEXT REFERENCES accounts,
    creditor_account TEXT,
    scheme           INTEGER,
    currency         TEXT,
    amount           INTEGER CHECK (amount > 0),
    charges          INTEGER CHECK (charges > 0),
    state            TEXT NOT NULL CHECK (state IN ('open', 'executed', 'rejected', 'expired', 'cancelled', 'refused')),
    CHECK ((operation = 1) = (amount IS NOT NULL)),
    CHECK ((operation = 1) = (debtor_account IS NOT NULL)),
    CHECK ((operation = 5) = (role IS NOT NULL)),
    CHECK ((operation = 5) = (key_id IS NULL))
) STRICT;

CREATE INDEX orders_by_customer ON orders (customer, state, issued);
CREATE INDEX orders_by_key ON orders (key_id, issued);
CREATE INDEX open_orders_by_expiry ON orders (expires) WHERE state = 'open';

CREATE TRIGGER orders_begin_open BEFORE INSERT ON orders WHEN NEW.state <> 'open'
BEGIN SELECT RAISE(ABORT, 'an order begins open'); END;

CREATE TRIGGER orders_stay BEFORE DELETE ON orders
BEGIN SELECT RAISE(ABORT, 'an order is not deleted'); END;

CREATE TRIGGER orders_end_once BEFORE UPDATE OF state ON orders
WHEN OLD.state <> 'open' OR NEW.state = 'open'
BEGIN SELECT RAISE(ABORT, 'an order ends once'); END;

CREATE TRIGGER orders_keep_their_content BEFORE UPDATE OF
    order_id, order_hash, bytes, customer, device_id, key_id, operation, profile, issued, expires, key_watermark,
    device_watermark, role, debtor_account, creditor_account, scheme, currency, amount, charges ON orders
BEGIN SELECT RAISE(ABORT, 'an order does not change'); END;

-- A transfer is executed exactly when the sealed entry that moves its money, all of it, exists.
CREATE TRIGGER executed_transfers_moved BEFORE UPDATE OF state ON orders
WHEN NEW.operation = 1 AND NEW.state = 'executed' AND NOT EXISTS (
    SELECT 1 FROM entries e
    WHERE e.order_id = NEW.order_id AND e.sealed = 1 AND e.currency = NEW.currency
      AND (SELECT sum(p.amount) FROM postings p WHERE p.entry = e.id AND p.account = NEW.debtor_account)
          = -(NEW.amount + coalesce(NEW.charges, 0))
)
BEGIN SELECT RAISE(ABORT, 'an executed transfer has moved its money'); END;

CREATE TRIGGER ended_orders_do_not_pay BEFORE INSERT ON entries
WHEN NEW.order_id IS NOT NULL AND (SELECT state <> 'open' FROM orders WHERE order_id = NEW.order_id)
BEGIN SELECT RAISE(ABORT, 'an ended order moves no money'); END;

-- One reply for each creation key, kept longer than an order lives.
CREATE TABLE creations (
    customer     INTEGER NOT NULL REFERENCES customers,
    creation_key TEXT NOT NULL,
    request_hash BLOB NOT NULL,
    order_id     BLOB NOT NULL REFERENCES orders,
    status       INTEGER NOT NULL,
    body         BLOB NOT NULL,
    made         INTEGER NOT NULL,
    PRIMARY KEY (customer, creation_key)
) STRICT;

-- Authorizations ----------------------------------------------------------------------------------------------------

CREATE TABLE authorizations (
    payload_hash BLOB NOT NULL PRIMARY KEY CHECK (length(payload_hash) = 32),
    key_id       BLOB NOT NULL REFERENCES token_keys,
    -- None in an attestation, which has neither.
    counter      INTEGER CHECK (counter > 0),
    previous     BLOB CHECK (length(previous) = 32),
    order_id     BLOB NOT NULL REFERENCES orders,
    kind         TEXT NOT NULL CHECK (kind IN ('approval', 'rejection', 'attestation')),
    bytes        BLOB NOT NULL,
    received     INTEGER NOT NULL,
    UNIQUE (key_id, counter),
    UNIQUE (key_id, previous),
    CHECK ((kind = 'attestation') = (counter IS NULL) AND (counter IS NULL) = (previous IS NULL))
) STRICT;

CREATE INDEX authorizations_by_order ON authorizations (order_id);

-- What shows two states of one key is recorded here, beside what it contradicts.
CREATE TABLE anomalies (
    payload_hash BLOB NOT NULL PRIMARY KEY CHECK (length(payload_hash) = 32),
    key_id       BLOB NOT NULL REFERENCES token_keys,
    counter      INTEGER NOT NULL,
    previous     BLOB NOT NULL,
    order_id     BLOB NOT NULL REFERENCES orders,
    kind         TEXT NOT NULL CHECK (kind IN ('approval', 'rejection')),
    sign         TEXT NOT NULL,
    bytes        BLOB NOT NULL,
    received     INTEGER NOT NULL
) STRICT;

CREATE INDEX anomalies_by_key ON anomalies (key_id, counter);
CREATE INDEX anomalies_by_order ON anomalies (order_id);

CREATE TRIGGER authorizations_do_not_change BEFORE UPDATE ON authorizations
BEGIN SELECT RAISE(ABORT, 'an authorization does not change'); END;

CREATE TRIGGER authorizations_stay BEFORE DELETE ON authorizations
BEGIN SELECT RAISE(ABORT, 'an authorization is not deleted'); END;

CREATE TRIGGER anomalies_do_not_change BEFORE UPDATE ON anomalies
BEGIN SELECT RAISE(ABORT, 'an anomaly does not change'); END;

CREATE TRIGGER anomalies_stay BEFORE DELETE ON anomalies
BEGIN SELECT RAISE(ABORT, 'an anomaly is not deleted'); END;

CREATE TABLE receipts (
    order_id BLOB NOT NULL PRIMARY KEY REFERENCES orders,
    outcome  TEXT NOT NULL CHECK (outcome IN ('executed', 'rejected', 'expired', 'cancelled', 'refused')),
    reason   INTEGER NOT NULL CHECK ((outcome = 'refused') = (reason <> 0)),
    ended    INTEGER NOT NULL,
    receipt  BLOB NOT NULL
) STRICT;

CREATE TRIGGER receipts_do_not_change BEFORE UPDATE ON receipts
BEGIN SELECT RAISE(ABORT, 'a receipt does not change'); END;

CREATE TRIGGER receipts_stay BEFORE DELETE ON receipts
BEGIN SELECT RAISE(ABORT, 'a receipt is not deleted'); END;

CREATE TRIGGER receipts_follow_states BEFORE INSERT ON receipts
WHEN NEW.outcome <> (SELECT state FROM orders WHERE order_id = NEW.order_id)
BEGIN SELECT RAISE(ABORT, 'a receipt says how its order ended'); END;

-- The reply to each recorded payload, byte for byte.
CREATE TABLE replies (
    payload_hash BLOB NOT NULL PRIMARY KEY,
    status       INTEGER NOT NULL,
    media_type   TEXT NOT NULL,
    body         BLOB NOT NULL
) STRICT;

CREATE TRIGGER replies_do_not_change BEFORE UPDATE ON replies
BEGIN SELECT RAISE(ABORT, 'a reply does not change'); END;

-- What the bank's other systems are to be told; written with the state that it tells of.
CREATE TABLE outbox (
    id       INTEGER NOT NULL PRIMARY KEY,
    order_id BLOB NOT NULL UNIQUE REFERENCES orders,
    event    TEXT NOT NULL,
    made     INTEGER NOT NULL
) STRICT;
