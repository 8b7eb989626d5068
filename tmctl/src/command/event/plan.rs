//! A seating plan from a file or from stdin, and its prices.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{IsTerminal as _, Read};

use tmapi::event::PriceLevelView;
use tmcore::Money;
use tmcore::money::{Currency, MoneyError};
use tmcore::seating::{MAX_PLAN_BYTES, SeatingPlan};

use crate::error::Failure;
use crate::suggest;

/// The plan comes from stdin.
const STDIN: &str = "-";

/// Reads the whole document, if it is not too large; a file's size is looked at before it is read.
pub fn read(file: &str) -> Result<Vec<u8>, Failure> {
    if file == STDIN {
        let stdin = std::io::stdin();
        if stdin.is_terminal() {
            return Err(Failure::usage("`-` reads the seating plan from stdin, which is a terminal")
                .hint("pipe it in, or name the file"));
        }
        return bounded(stdin.lock(), "stdin");
    }
    let unreadable = |error: std::io::Error| Failure::usage(format!("failed to read {file}: {error}"));
    let open = File::open(file).map_err(unreadable)?;
    let about = open.metadata().map_err(unreadable)?;
    if about.is_file() && about.len() > MAX_PLAN_BYTES as u64 {
        return Err(too_large(file, &format!("has {}", mebibytes(about.len()))));
    }
    bounded(open, file)
}

fn bounded(source: impl Read, name: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let most = MAX_PLAN_BYTES as u64;
    source
        .take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::usage(format!("failed to read {name}: {error}")))?;
    if bytes.len() > MAX_PLAN_BYTES {
        return Err(too_large(name, "has more"));
    }
    Ok(bytes)
}

fn too_large(name: &str, has: &str) -> Failure {
    let most = mebibytes(MAX_PLAN_BYTES as u64);
    Failure::usage(format!("a seating plan may have {most}; {name} {has}"))
        .hint("is it the right file? plans of 80,000 seats have about 15 MiB")
}

fn mebibytes(bytes: u64) -> String {
    format!("{}.{} MiB", bytes >> 20, ((bytes & 0xf_ffff) * 10) >> 20)
}

/// Prices as they are written on the command line: `LEVEL=AMOUNT`, the amount in major units, exactly.
pub fn prices(written: &[String], currency: Currency) -> Result<BTreeMap<String, i64>, Failure> {
    let mut prices = BTreeMap::new();
    for text in written {
        let refuse = |why: &str| {
            Failure::usage(format!("--price {text:?}: {why}")).hint("write --price \"Front=90.00\"")
        };
        let (level, amount) = text.rsplit_once('=').ok_or_else(|| refuse("expected LEVEL=AMOUNT"))?;
        let money = Money::from_major(amount.trim(), currency).map_err(|error| match error {
            MoneyError::Malformed => refuse(&format!("`{amount}` is no amount in {}", currency.code())),
            other => refuse(&other.to_string()),
        })?;
        if prices.insert(level.trim().to_owned(), money.amount).is_some() {
            return Err(refuse("this level has a price already"));
        }
    }
    Ok(prices)
}

/// The price levels a plan comes to.
pub fn levels(
    plan: &SeatingPlan,
    prices: &BTreeMap<String, i64>,
    currency: Currency,
) -> Result<Vec<PriceLevelView>, Failure> {
    let names = || plan.categories.iter().map(|category| category.name.as_str());
    if let Some(unknown) = prices.keys().find(|price| !names().any(|name| name == price.as_str())) {
        let failure = Failure::usage(format!("the plan has no price level `{unknown}`"));
        return Err(match suggest::closest(unknown, names()) {
            Some(close) => failure.hint(format!("did you mean `{close}`?")),
            None => failure.hint(format!("it has {}", names().collect::<Vec<_>>().join(", "))),
        });
    }
    let mut seats = vec![0_u32; plan.categories.len()];
    for seat in plan.seats() {
        if let Some(count) = seats.get_mut(usize::from(seat.seat.category)) {
            *count += 1;
        }
    }
    let level = |(category, seats): (&tmcore::seating::Category, u32)| {
        let price = prices.get(&category.name).copied();
        let amount = price.or((seats == 0).then_some(0)).ok_or_else(|| {
            Failure::usage(format!("the {seats} seats of price level `{}` have no price", category.name))
                .hint(format!("--price \"{}=AMOUNT\"", category.name))
        })?;
        Ok(PriceLevelView {
            name: category.name.clone(),
            color: category.color.clone(),
            price: Money::new(amount, currency),
            seats,
        })
    };
    plan.categories.iter().zip(seats).map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_prices(texts: &[&str], currency: Currency) -> Result<BTreeMap<String, i64>, String> {
        let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
        prices(&texts, currency).map_err(|failure| failure.message)
    }

    #[test]
    fn m3_prices_are_read_exactly() {
        let read = read_prices(&["Front=90.00", "A=B=0.1", " Rear = 45 "], Currency::EUR).unwrap();
        let expected = [("A=B", 10), ("Front", 9000), ("Rear", 4500)];
        assert_eq!(read, expected.map(|(name, price)| (name.to_owned(), price)).into());
        assert_eq!(read_prices(&["x=500"], Currency::JPY).unwrap()["x"], 500);
        for (bad, currency) in [
            ("Front", Currency::EUR),
            ("Front=", Currency::EUR),
            ("Front=-1", Currency::EUR),
            ("Front=1,50", Currency::EUR),
            ("Front=1.234", Currency::EUR),
            ("Front=1e2", Currency::EUR),
            ("Front=1.5", Currency::JPY),
            ("Front=99999999999999999999", Currency::EUR),
        ] {
            assert!(read_prices(&[bad], currency).is_err(), "{bad}");
        }
        assert!(read_prices(&["a=1", "a=2"], Currency::EUR).unwrap_err().contains("already"));
    }

    #[test]
    fn what_never_ends_is_refused() {
        let failure = bounded(std::io::repeat(b' '), "stdin").unwrap_err();
        assert_eq!(failure.message, "a seating plan may have 64.0 MiB; stdin has more");
    }
}
