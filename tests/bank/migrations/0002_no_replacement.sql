-- What no statement may do, REPLACE included. REPLACE deletes the rows that are in its way and runs no delete trigger
-- for them (unless the connection asks for recursive triggers), so that it is refused before it begins: an insert that
-- meets a row by any of its keys, by its rowid too, is no insert.

CREATE TRIGGER settings_are_not_replaced BEFORE INSERT ON settings
WHEN EXISTS (SELECT 1 FROM settings WHERE name = NEW.name OR rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'a setting is not replaced'); END;

CREATE TRIGGER bank_keys_are_not_replaced BEFORE INSERT ON bank_keys
WHEN EXISTS (SELECT 1 FROM bank_keys WHERE (key_name = NEW.key_name AND epoch = NEW.epoch) OR rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'a statement is not replaced'); END;

CREATE TRIGGER customers_are_not_replaced BEFORE INSERT ON customers
WHEN EXISTS (SELECT 1 FROM customers WHERE id = NEW.id OR name = NEW.name)
BEGIN SELECT RAISE(ABORT, 'a customer is not replaced'); END;

CREATE TRIGGER accounts_are_not_replaced BEFORE INSERT ON accounts
WHEN EXISTS (SELECT 1 FROM accounts WHERE number = NEW.number OR rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'an account is not replaced'); END;

CREATE TRIGGER entries_are_not_replaced BEFORE INSERT ON entries
WHEN EXISTS (SELECT 1 FROM entries WHERE id = NEW.id OR order_id = NEW.order_id)
BEGIN SELECT RAISE(ABORT, 'an entry is not replaced'); END;

CREATE TRIGGER postings_are_not_replaced BEFORE INSERT ON postings
WHEN EXISTS (SELECT 1 FROM postings WHERE (entry = NEW.entry AND line = NEW.line) OR rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'a posting is not replaced'); END;

CREATE TRIGGER devices_are_not_replaced BEFORE INSERT ON devices
WHEN EXISTS (SELECT 1 FROM devices WHERE device_id = NEW.device_id OR rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'a token is not replaced'); END;

CREATE TRIGGER token_keys_are_not_replaced BEFORE INSERT ON token_keys
WHEN EXISTS (
    SELECT 1 FROM token_keys
    WHERE key_id = NEW.key_id OR public_key = NEW.public_key OR order_id = NEW.order_id
        OR (device_id = NEW.device_id AND role = NEW.role) OR rowid = NEW.rowid
)
BEGIN SELECT RAISE(ABORT, 'a key is not replaced'); END;

CREATE TRIGGER orders_are_not_replaced BEFORE INSERT ON orders
WHEN EXISTS (SELECT 1 FROM orders WHERE order_id = NEW.order_id OR order_hash = NEW.order_hash OR rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'an order is not replaced'); END;

CREATE TRIGGER creations_are_not_replaced BEFORE INSERT ON creations
WHEN EXISTS (
    SELECT 1 FROM creations
    WHERE (customer = NEW.customer AND creation_key = NEW.creation_key) OR rowid = NEW.rowid
)
BEGIN SELECT RAISE(ABORT, 'a creation is not replaced'); END;

CREATE TRIGGER authorizations_are_not_replaced BEFORE INSERT ON authorizations
WHEN EXISTS (
    SELECT 1 FROM authorizations
    WHERE payload_hash = NEW.payload_hash OR (key_id = NEW.key_id AND counter = NEW.counter) OR (key_id = NEW.key_id AND previous = NEW.previous) OR rowid = NEW.rowid
)
BEGIN SELECT RAISE(ABORT, 'an authorization is not replaced'); END;

CREATE TRIGGER anomalies_are_not_replaced BEFORE INSERT ON anomalies
WHEN EXISTS (SELECT 1 FROM anomalies WHERE payload_hash = NEW.payload_hash OR rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'an anomaly is not replaced'); END;

CREATE TRIGGER receipts_are_not_replaced BEFORE INSERT ON receipts
WHEN EXISTS (SELECT 1 FROM receipts WHERE order_id = NEW.order_id OR rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'a receipt is not replaced'); END;

CREATE TRIGGER replies_are_not_replaced BEFORE INSERT ON replies
WHEN EXISTS (SELECT 1 FROM replies WHERE payload_hash = NEW.payload_hash OR rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'a reply is not replaced'); END;

CREATE TRIGGER outbox_are_not_replaced BEFORE INSERT ON outbox
WHEN EXISTS (SELECT 1 FROM outbox WHERE id = NEW.id OR order_id = NEW.order_id)
BEGIN SELECT RAISE(ABORT, 'an outbox row is not replaced'); END;

-- An update can put a row in another's place as well.

CREATE TRIGGER settings_do_not_change BEFORE UPDATE ON settings
BEGIN SELECT RAISE(ABORT, 'a setting does not change'); END;

CREATE TRIGGER bank_keys_do_not_change BEFORE UPDATE ON bank_keys
BEGIN SELECT RAISE(ABORT, 'a statement does not change'); END;

CREATE TRIGGER devices_keep_their_customer BEFORE UPDATE ON devices
WHEN NEW.device_id <> OLD.device_id OR NEW.customer <> OLD.customer OR NEW.rowid <> OLD.rowid
BEGIN SELECT RAISE(ABORT, 'a token does not change'); END;

CREATE TRIGGER creations_do_not_change BEFORE UPDATE ON creations
BEGIN SELECT RAISE(ABORT, 'a creation does not change'); END;

-- A password may change, and nothing else.
CREATE TRIGGER customers_keep_their_identity BEFORE UPDATE ON customers WHEN NEW.id <> OLD.id OR NEW.name <> OLD.name
BEGIN SELECT RAISE(ABORT, 'a customer does not change'); END;

CREATE TRIGGER keys_keep_their_certificate BEFORE UPDATE ON token_keys
WHEN NEW.order_id IS NOT OLD.order_id OR NEW.chain <> OLD.chain OR NEW.since <> OLD.since OR NEW.rowid <> OLD.rowid
BEGIN SELECT RAISE(ABORT, 'a key keeps its certificate'); END;

CREATE TRIGGER accounts_keep_their_place BEFORE UPDATE ON accounts WHEN NEW.rowid <> OLD.rowid
BEGIN SELECT RAISE(ABORT, 'an account does not change'); END;

CREATE TRIGGER orders_keep_their_place BEFORE UPDATE ON orders WHEN NEW.rowid <> OLD.rowid
BEGIN SELECT RAISE(ABORT, 'an order does not change'); END;

CREATE TRIGGER outbox_keeps_its_place BEFORE UPDATE ON outbox
BEGIN SELECT RAISE(ABORT, 'an outbox row does not change'); END;

-- What stays.

CREATE TRIGGER settings_stay BEFORE DELETE ON settings
BEGIN SELECT RAISE(ABORT, 'a setting is not deleted'); END;

CREATE TRIGGER bank_keys_stay BEFORE DELETE ON bank_keys
BEGIN SELECT RAISE(ABORT, 'a statement is not deleted'); END;

CREATE TRIGGER customers_stay BEFORE DELETE ON customers
BEGIN SELECT RAISE(ABORT, 'a customer is not deleted'); END;

CREATE TRIGGER devices_stay BEFORE DELETE ON devices
BEGIN SELECT RAISE(ABORT, 'a token is not deleted'); END;

CREATE TRIGGER token_keys_stay BEFORE DELETE ON token_keys
BEGIN SELECT RAISE(ABORT, 'a key is not deleted'); END;

CREATE TRIGGER replies_stay BEFORE DELETE ON replies
BEGIN SELECT RAISE(ABORT, 'a reply is not deleted'); END;

-- Orders and their money -------------------------------------------------------------------------------------------

-- An order's entry takes amount and charges from its debtor and gives the amount to its creditor: to the account, if it
-- is a customer's of this bank, otherwise to the money on its way to other banks. Nobody else pays.
CREATE TRIGGER orders_entries_follow_their_order BEFORE UPDATE OF sealed ON entries
WHEN NEW.order_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM orders o
    WHERE o.order_id = NEW.order_id AND o.operation = 1 AND o.state = 'open' AND o.currency = NEW.currency
      AND (SELECT sum(p.amount) FROM postings p WHERE p.entry = NEW.id AND p.account = o.debtor_account)
          = -(o.amount + coalesce(o.charges, 0))
      AND (SELECT sum(p.amount) FROM postings p WHERE p.entry = NEW.id AND p.account = coalesce(
              (SELECT a.number FROM accounts a
               WHERE a.number = o.creditor_account AND a.currency = o.currency AND a.customer IS NOT NULL),
              'bank:clearing:' || o.currency)) = o.amount
      AND NOT EXISTS (SELECT 1 FROM postings p
                      WHERE p.entry = NEW.id AND p.account <> o.debtor_account AND p.amount < 0)
)
BEGIN SELECT RAISE(ABORT, 'an order''s entry moves its money from debtor to creditor'); END;

CREATE TRIGGER paid_orders_are_executed BEFORE UPDATE OF state ON orders
WHEN NEW.state <> 'executed' AND EXISTS (SELECT 1 FROM entries WHERE order_id = NEW.order_id AND sealed = 1)
BEGIN SELECT RAISE(ABORT, 'an order that has moved money is executed'); END;
