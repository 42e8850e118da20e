-- Whether the name tried is a customer's: names that strangers invent are forgotten when they become too many, and must
-- not take a customer's count with them.
ALTER TABLE attempts ADD COLUMN known INTEGER NOT NULL DEFAULT 0 CHECK (known IN (0, 1));
