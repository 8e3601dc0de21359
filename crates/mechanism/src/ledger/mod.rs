//! Double-entry books in a JSON-lines file: every transaction moves money between accounts and sums to zero.
//!
//! A transaction has an id. Posting the same transaction again does nothing, so a run that was cut off can settle again from its
//! start; posting a different one under the same id is an error. Balances are nothing but the replay of the file.

mod book;
mod file;

pub use book::{Book, LedgerError, Posted, Posting, Transaction};
pub use file::Ledger;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::money::Credits;
    use proptest::prelude::*;

    fn pay(id: &str, amount: i64) -> Transaction {
        Transaction::transfer(id, "round 1", "server", "client:a", Credits::from_micros(amount)).unwrap()
    }

    #[test]
    fn replay_gives_the_balances_and_ids_are_idempotent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        let mut ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.post([pay("1", 5), pay("2", 7), pay("1", 5)]).unwrap(), 2);
        assert_eq!(ledger.post([pay("2", 7)]).unwrap(), 0);
        assert!(matches!(ledger.post([pay("3", 1), pay("2", 8)]), Err(Error::Ledger(LedgerError::Conflict { .. }))));
        let again = Ledger::open(&path).unwrap();
        assert_eq!(again.book(), ledger.book());
        assert_eq!(again.book().balance("client:a").micros(), 12);
        assert_eq!(again.book().balance("server").micros(), -12);
    }

    #[test]
    fn a_line_cut_off_by_a_crash_is_dropped_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        Ledger::open(&path).unwrap().post([pay("1", 5), pay("2", 7)]).unwrap();
        let text = std::fs::read(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 9]).unwrap();
        let mut ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.book().balance("client:a").micros(), 5);
        ledger.post([pay("2", 7)]).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), text);
        std::fs::write(&path, [&text[..], b"{}\n", &text[..]].concat()).unwrap();
        assert!(Ledger::open(&path).unwrap_err().to_string().contains("line 3"));
        // the file is left as it was
        assert_eq!(std::fs::read(&path).unwrap().len(), 2 * text.len() + 3);
    }

    #[test]
    fn what_does_not_balance_or_fit_is_refused_whole() {
        let mut book = Book::default();
        let posting = |account: &str, amount| Posting { account: account.into(), amount: Credits::from_micros(amount) };
        let transaction = |postings| Transaction { id: "x".into(), memo: String::new(), postings };
        let unbalanced = transaction(vec![posting("a", 1), posting("b", -2)]);
        assert_eq!(book.post(unbalanced), Err(LedgerError::Unbalanced { id: "x".into(), sum: -1 }));
        assert!(book.post(transaction(vec![posting("a", 0)])).is_err());
        book.post(pay("1", i64::MAX)).unwrap();
        let before = book.clone();
        assert!(matches!(book.post(pay("2", 1)), Err(LedgerError::Overflow { .. })));
        assert_eq!(book, before);
    }

    proptest! {
        #[test]
        fn books_always_sum_to_zero(amounts in prop::collection::vec((0u8..4, 0u8..4, -1000i64..1000), 0..50)) {
            let mut book = Book::default();
            for (index, (from, to, amount)) in amounts.into_iter().enumerate() {
                let amount = Credits::from_micros(amount);
                let transfer = Transaction::transfer(&index.to_string(), "", &format!("{from}"), &format!("{to}"), amount);
                book.post(transfer.unwrap()).unwrap();
            }
            prop_assert_eq!(book.balances().values().map(|balance| balance.micros()).sum::<i64>(), 0);
        }
    }
}
