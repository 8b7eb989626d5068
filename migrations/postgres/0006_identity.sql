-- Who the office is: whoever opens it with other keys, or with another payment provider, is not of this office. One row.
CREATE TABLE office_identity (
  one      BIGINT PRIMARY KEY CHECK (one = 1),
  keys     TEXT NOT NULL CHECK (length(keys) = 64),
  provider TEXT NOT NULL CHECK (length(provider) = 64)
);
