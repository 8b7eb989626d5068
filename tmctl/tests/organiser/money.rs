//! Refunds, and both lists of payments laid side by side, with every way in which they can differ.

use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

use super::office::{Office, Run};
use super::plan::{ABOUT, PRICES, small};

fn on_sale() -> Office {
    let office = Office::start(&[]);
    let file = office.file("plan.json", &small().to_string());
    let settings = ["--waiting-room", "off", "--seats-per-order", "4"];
    let import = [&["event", "import", "E9", file.as_str()], &PRICES[..], &ABOUT[..], &settings[..]].concat();
    office.json(&import);
    office.ok(&["event", "open", "E9"]);
    office
}

fn book(office: &Office, seats: &str) -> String {
    let booked = office.json(&["book", "E9", "--seats", seats, "--payment-token", "tok_ok"]);
    assert_eq!(booked["status"], "FINALIZED");
    booked["orderId"].as_str().unwrap().to_owned()
}

fn reconcile(office: &Office) -> (i32, Value) {
    let Run { code, out, .. } = office.run(&["reconcile", "--json"]);
    (code, serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}")))
}

/// Writes to one of the daemon's two databases, behind its back.
fn write(office: &Office, database: &str, sql: &str) {
    let file = office.home().join(".local/share/tmd").join(database);
    let options = SqliteConnectOptions::new().filename(file).foreign_keys(false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let rows = runtime.block_on(async {
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap().rows_affected()
    });
    assert_eq!(rows, 1, "{sql}");
}

/// Database, what spoils it, what mends it, and the difference that is named.
type Spoil = (&'static str, &'static str, &'static str, &'static str);

const KEY: &str = "abababababababababababababababababababababababababababababababab";

const SPOILS: &[Spoil] = &[
    (
        "gateway.db",
        "INSERT INTO entry (key, repeat, order_id, operation, authorization, reference, amount, currency, fingerprint, at)
         SELECT unhex('KEY'), 0, order_id, 'REFUND', authorization, 'ref_x', 1, 'EUR', 'f', 0 FROM entry LIMIT 1",
        "DELETE FROM entry WHERE key = unhex('KEY')",
        "missing here",
    ),
    (
        "office.db",
        "INSERT INTO payments (provider_key, order_id, operation, attempt, state, amount, currency, detail, due_at, created_at)
         SELECT 'KEY', order_id, 'VOID', 9, 'OK', 1, 'EUR', 'ref_x', 0, 0 FROM payments LIMIT 1",
        "DELETE FROM payments WHERE provider_key = 'KEY'",
        "missing there",
    ),
    (
        "office.db",
        "UPDATE payments SET amount = amount + 1 WHERE provider_key = (SELECT MIN(provider_key) FROM payments WHERE operation = 'AUTHORIZE')",
        "UPDATE payments SET amount = amount - 1 WHERE provider_key = (SELECT MIN(provider_key) FROM payments WHERE operation = 'AUTHORIZE')",
        "amount differs",
    ),
    (
        "office.db",
        "UPDATE payments SET state = 'NEVER_HAPPENED', detail = NULL
         WHERE provider_key = (SELECT MIN(provider_key) FROM payments WHERE operation = 'AUTHORIZE')",
        "UPDATE payments SET state = 'OK', detail = 'ref_x' WHERE state = 'NEVER_HAPPENED'",
        "state differs",
    ),
    (
        "office.db",
        "INSERT INTO payments (provider_key, order_id, operation, attempt, state, amount, currency, due_at, created_at)
         SELECT 'KEY', order_id, 'VOID', 9, 'UNKNOWN', 1, 'EUR', 9999999999999, 0 FROM payments LIMIT 1",
        "DELETE FROM payments WHERE provider_key = 'KEY'",
        "state differs",
    ),
    (
        "gateway.db",
        "UPDATE entry SET operation = 'REFUND' WHERE sequence = (SELECT MAX(sequence) FROM entry WHERE operation = 'CAPTURE')",
        "UPDATE entry SET operation = 'CAPTURE' WHERE operation = 'REFUND' AND sequence = (SELECT MAX(sequence) FROM entry WHERE operation = 'REFUND')",
        "about something else",
    ),
];

/// M13: nothing is found where nothing is, and each kind of difference where it is, by name and by exit code.
#[test]
fn m13_every_kind_of_difference_is_found_and_none_where_there_is_none() {
    let office = on_sale();
    for seats in ["A-1-1", "A-1-2,A-1-3", "B-1-1"] {
        book(&office, seats);
    }
    let (code, clean) = reconcile(&office);
    assert_eq!((code, &clean["differences"]), (0, &json!([])), "{clean}");
    assert_eq!(
        (&clean["payments"], &clean["providerOperations"], &clean["matched"]),
        (&json!(6), &json!(6), &json!(6))
    );
    assert_eq!(clean["ledger"]["balances"][0]["sum"]["amount"], 0);
    assert_eq!(clean["ledger"]["balances"][0]["provider"]["amount"], 31_550);
    for (database, spoil, mend, kind) in SPOILS {
        let with_key = |sql: &str| sql.replace("KEY", KEY);
        write(&office, database, &with_key(spoil));
        let (code, found) = reconcile(&office);
        let kinds: Vec<_> = found["differences"].as_array().unwrap().iter().map(|one| &one["kind"]).collect();
        assert_eq!((code, kinds), (12, vec![&json!(kind)]), "{spoil}: {found}");
        let Run { code, out, err } = office.run(&["reconcile"]);
        assert_eq!(code, 12);
        assert!(out.contains(kind) && err.contains("hint: "), "{out}{err}");
        write(&office, database, &with_key(mend));
        assert_eq!(reconcile(&office).0, 0, "{mend}");
    }
    // An open payment that is young is no difference.
    let young = SPOILS[4].1.replace("KEY", KEY).replace(", 0 FROM", ", unixepoch() * 1000 FROM");
    write(&office, "office.db", &young);
    let (code, open) = reconcile(&office);
    assert_eq!((code, &open["open"]), (0, &json!(1)), "{open}");
    write(&office, "office.db", &format!("DELETE FROM payments WHERE provider_key = '{KEY}'"));
    // M11: half an entry, which the books do not let anybody take away again.
    write(
        &office,
        "office.db",
        "INSERT INTO ledger_entries (provider_key, order_id, account, amount, currency, at)
         SELECT provider_key, order_id, 'SALES', 5, 'EUR', 0 FROM payments WHERE operation = 'AUTHORIZE' LIMIT 1",
    );
    let (code, books) = reconcile(&office);
    assert_eq!((code, &books["differences"]), (12, &json!([])));
    assert_eq!(books["ledger"]["unbalanced"].as_array().unwrap().len(), 1);
}

/// M1: the money goes back, the seats are for sale again, and both lists agree.
#[test]
fn m1_an_order_is_refunded_and_the_books_are_even() {
    let office = on_sale();
    let order = book(&office, "A-1-1,A-1-2");
    assert_eq!(office.run(&["refund", "ord_01h455vb4pex5vsknk084sn02q"]).code, 3);
    let refunded = office.json(&["refund", &order]);
    assert_eq!(refunded["status"], "REFUNDED");
    assert_eq!(office.json(&["refund", &order])["status"], "REFUNDED", "to ask again is harmless");
    let sale = office.json(&["sale", "status", "E9"]);
    assert_eq!((&sale["seats"]["sold"], &sale["seats"]["available"]), (&json!(0), &json!(16)));
    let (code, report) = reconcile(&office);
    assert_eq!((code, &report["matched"]), (0, &json!(3)), "{report}");
    assert_eq!(report["ledger"]["balances"][0]["provider"]["amount"], 0);
    let open = office.json(&["order", "E9"]);
    assert_eq!(office.run(&["refund", open["orderId"].as_str().unwrap()]).code, 5);
}
