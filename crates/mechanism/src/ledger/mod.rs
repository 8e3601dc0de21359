//! Double-entry books in a JSON-lines file: every transaction moves money between accounts and sums to zero.
//!
//! A transaction has an id. Posting the same transaction again does nothing, so a run that was cut off can settle again from its
//! start; posting a different one under the same id is an error. Balances are nothing but the replay of the file.

mod batch;
mod book;
mod file;
mod instalment;

pub use crate::error::LedgerError;
pub use book::{Book, Posted, Posting, Transaction};
pub use file::Ledger;
pub use instalment::Instalments;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::money::Credits;
    use imfl_storage::{Disk, Fault, Faulty, FileSystem, Position};
    use proptest::prelude::*;
    use std::sync::Arc;

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
    fn a_transaction_that_is_in_the_file_twice_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        Ledger::open(&path).unwrap().post([pay("1", 5), pay("pay:42:0", 7)]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let twice = format!("{text}{}\n", text.lines().last().unwrap());
        std::fs::write(&path, &twice).unwrap();
        let error = Ledger::open(&path).unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("`pay:42:0` is in the file twice"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), twice, "the file is left as it was");
    }

    #[test]
    fn a_batch_that_cannot_be_written_or_booked_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        for fault in Fault::ALL {
            for at in 0..12 {
                let path = folder.path().join(format!("{fault:?}-{at}.jsonl"));
                let files: Arc<dyn FileSystem> = Arc::new(Faulty::new(Some(at), fault, false));
                let (mut booked, mut failed) = (Book::default(), 0);
                for round in 0..2 {
                    let Ok(mut ledger) = Ledger::open_in(&files, &path, None) else {
                        failed += 1;
                        continue;
                    };
                    assert_eq!(*ledger.book(), booked, "{fault:?} at {at}");
                    for part in 0..2 {
                        let id = |one: &str| format!("{round}:{part}:{one}");
                        match ledger.post([pay(&id("a"), 5), pay(&id("b"), 7)]) {
                            Ok(new) => assert_eq!(new, 2),
                            Err(error) => {
                                failed += 1;
                                assert!(error.to_string().contains(".jsonl"), "{error}");
                                assert_eq!(*ledger.book(), booked, "{fault:?} at {at}");
                            }
                        }
                        assert!(ledger.post([pay(&id("c"), 1), pay(&id("a"), 6)]).is_err() || failed > 0);
                        booked = ledger.book().clone();
                    }
                    assert_eq!(ledger.position(), Position::after(&std::fs::read(&path).unwrap()));
                }
                assert_eq!(*Ledger::open(&path).unwrap().book(), booked, "{fault:?} at {at}");
                assert!(failed <= 1 && (failed == 0 || fault != Fault::Short), "{fault:?} at {at}: {failed}");
            }
        }
    }

    #[test]
    fn what_was_in_the_file_has_to_stay_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        let files: Arc<dyn FileSystem> = Arc::new(Disk);
        let mut ledger = Ledger::open(&path).unwrap();
        ledger.post([pay("1", 5)]).unwrap();
        let since = ledger.position();
        ledger.post([pay("2", 7)]).unwrap();
        assert_eq!(Ledger::open_in(&files, &path, Some(&since)).unwrap().book().len(), 2);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"amount\":5", "\"amount\":6").replace("-5", "-6")).unwrap();
        assert!(Ledger::open_in(&files, &path, Some(&since)).unwrap_err().to_string().contains("not what they were"));
        std::fs::write(&path, &text[..20]).unwrap();
        assert!(Ledger::open_in(&files, &path, Some(&since)).unwrap_err().to_string().contains("has 20 bytes"));
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

    /// One step of a random life of a ledger.
    #[derive(Clone, Debug)]
    enum Operation {
        /// A transfer of any size, between accounts that may be the same.
        Transfer { from: u8, to: u8, amount: i64 },
        /// A transaction of several postings, whose last one balances the others unless it is off.
        Split { amounts: Vec<i64>, off: i64 },
        /// The transaction that was posted so many steps ago, again.
        Again { back: usize },
        /// That id with another amount.
        Change { back: usize, amount: i64 },
        /// A crash in the middle of a line, and opening again.
        Crash { cut: usize },
    }

    fn amount() -> impl Strategy<Value = i64> {
        prop_oneof![4 => -1000i64..1000, 1 => Just(i64::MAX), 1 => Just(i64::MIN), 1 => any::<i64>()]
    }

    fn operation() -> impl Strategy<Value = Operation> {
        prop_oneof![
            4 => (0u8..5, 0u8..5, amount()).prop_map(|(from, to, amount)| Operation::Transfer { from, to, amount }),
            3 => (prop::collection::vec(amount(), 1..5), prop_oneof![3 => Just(0i64), 1 => -2i64..3])
                .prop_map(|(amounts, off)| Operation::Split { amounts, off }),
            1 => (0usize..100).prop_map(|back| Operation::Again { back }),
            1 => (0usize..100, amount()).prop_map(|(back, amount)| Operation::Change { back, amount }),
            1 => (0usize..300).prop_map(|cut| Operation::Crash { cut }),
        ]
    }

    fn total(book: &Book) -> i128 {
        book.balances().values().map(|balance| i128::from(balance.micros())).sum()
    }

    fn transaction(index: usize, operation: &Operation, posted: &[Transaction]) -> Option<Transaction> {
        let earlier =
            |back: usize| posted.len().checked_sub(back % posted.len().max(1) + 1).map(|at| posted[at].clone());
        match operation {
            Operation::Transfer { from, to, amount } => {
                let (from, to) = (format!("account {from}"), format!("account {to}"));
                Transaction::transfer(&format!("{index}"), "", &from, &to, Credits::from_micros(*amount)).ok()
            }
            Operation::Split { amounts, off } => {
                let rest = amounts.iter().fold(*off, |sum, amount| sum.wrapping_sub(*amount));
                let postings = amounts.iter().chain([&rest]).enumerate().map(|(account, amount)| Posting {
                    account: format!("account {account}"),
                    amount: Credits::from_micros(*amount),
                });
                Some(Transaction { id: format!("{index}"), memo: "split".into(), postings: postings.collect() })
            }
            Operation::Again { back } => earlier(*back),
            Operation::Change { back, amount } => earlier(*back).and_then(|old| {
                Transaction::transfer(&old.id, "changed", "account 0", "account 1", Credits::from_micros(*amount)).ok()
            }),
            Operation::Crash { .. } => None,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        /// A thousand random lives of a hundred operations: money is conserved to the micro-credit after each, what is refused
        /// changes nothing, and the file replays to the very state.
        #[test]
        fn money_is_conserved_and_replay_is_the_state(operations in prop::collection::vec(operation(), 100)) {
            let (mut book, mut posted, mut file) = (Book::default(), Vec::new(), Vec::new());
            for (index, operation) in operations.iter().enumerate() {
                if let Operation::Crash { cut } = operation {
                    // The last line is cut somewhere; what was acknowledged before it is still there.
                    let next = serde_json::to_vec(&pay("torn", 3)).unwrap();
                    let torn = [&file[..], &next[..cut % next.len()]].concat();
                    let (replayed, whole) = Book::replay(&torn[..]).unwrap().unwrap();
                    prop_assert_eq!(&replayed, &book);
                    prop_assert_eq!(whole as usize, file.len());
                    book = replayed;
                    continue;
                }
                let Some(transaction) = transaction(index, operation, &posted) else { continue };
                let before = book.clone();
                match book.post(transaction.clone()) {
                    Ok(Posted::New) => {
                        file.extend(serde_json::to_vec(&transaction).unwrap());
                        file.push(b'\n');
                        posted.push(transaction);
                    }
                    Ok(Posted::Already) | Err(_) => prop_assert_eq!(&book, &before),
                }
                prop_assert_eq!(total(&book), 0);
            }
            let (replayed, whole) = Book::replay(&file[..]).unwrap().unwrap();
            prop_assert_eq!(&replayed, &book);
            prop_assert_eq!(whole as usize, file.len());
            prop_assert_eq!(book.len(), posted.len());
        }
    }
}
