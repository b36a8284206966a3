//! Any CSV with a column mapping.

use super::*;

const MAPS: [&str; 6] = ["symbol=Ticker", "side=Action", "quantity=Qty", "price=AvgPx", "timestamp=Trade Time", "order_id=Order #"];
const HEADER: &str = "Ticker,Action,Qty,AvgPx,Trade Time,Order #";

fn map() -> CsvMap {
    CsvMap::new(MAPS).unwrap()
}

fn new_york(format: &str) -> CsvMap {
    map().time_format(format).unwrap().time_zone("America/New_York").unwrap()
}

fn one(map: CsvMap, row: &str) -> Imported {
    mapped(map, &format!("{HEADER}\n{row}\n"))
}

#[test]
fn columns_words_and_local_times_are_read_as_told() {
    let text =
        "Ticker;Action;Qty;AvgPx;Trade Time;Order #;Comm;price;Desk\nabc;Sold Short;100.000;1.50;01/15/2024 09:30:00 AM;7;0.35;9;x\n";
    let map = CsvMap::new(MAPS.into_iter().chain(["fees=Comm"])).unwrap().delimiter(';').unwrap();
    let map = map.time_format("%m/%d/%Y %I:%M:%S %p").unwrap().time_zone("America/New_York").unwrap();
    let imported = mapped(map, text);
    assert_eq!(imported.rejected, []);
    let entry = &imported.entries[0].entry;
    assert_eq!((&*entry.symbol, entry.side.as_str(), &*entry.quantity.to_string()), ("ABC", "SELL", "100.000"));
    assert_eq!((&*entry.fees.to_string(), &*entry.timestamp.to_string()), ("0.35", "2024-01-15T14:30:00+00:00"));
    assert_eq!((&*entry.source, entry.sequence.unwrap().to_string().as_str()), ("import.csv", "1"));
    assert_eq!(entry.extra, [("csv_price".into(), "\"9\"".into()), ("Desk".into(), "\"x\"".into())]);
    assert!(identity::is_only_fill(entry));
}

#[test]
fn every_word_for_a_side_is_known_in_any_case() {
    for (word, side) in csv_map::SIDE_WORDS {
        let imported = one(map(), &format!("A,{},1,1,2024-01-15T14:30:00Z,7", word.to_lowercase().replace(' ', "_")));
        assert_eq!(imported.entries[0].entry.side.as_str(), side, "{word}");
    }
    for word in ["DIVIDEND", "", "+1"] {
        assert_eq!(refused(&one(map(), &format!("A,{word},1,1,2024-01-15T14:30:00Z,7"))).1, "side");
    }
}

#[test]
fn times_are_never_guessed() {
    let us = "%m/%d/%Y %H:%M:%S";
    for (map, time, says) in [
        (map(), "2024-01-15 09:30:00", "--time-zone"),
        (map(), "01/15/2024 09:30:00", "--time-format"),
        (map().time_format(us).unwrap(), "01/15/2024 09:30:00", "--time-zone"),
        (new_york(us), "11/03/2024 01:30:00", "happened twice"),
        (new_york(us), "03/10/2024 02:30:00", "does not exist"),
        (new_york(us), "13/10/2024 02:30:00", "does not match"),
        (new_york(us), "01/15/2024 09:30:60", "leap second"),
        (new_york(us), "01/15/2024 09:30:00 ET", "does not match"),
        (new_york("%m/%d/%y %H:%M"), "02/30/24 02:30", "invalid"),
    ] {
        let imported = one(map, &format!("A,B,1,1,{time},7"));
        let (_, field, reason) = refused(&imported);
        assert_eq!(field, "timestamp");
        assert!(reason.contains(says), "{time}: {reason}");
    }
    for (map, time, instant) in [
        (map(), "2024-01-15T09:30:00-05:00", "2024-01-15T14:30:00+00:00"),
        (map().time_zone("America/New_York").unwrap(), "2024-07-15 09:30:00.25", "2024-07-15T13:30:00.250+00:00"),
        (map().time_zone("America/New_York").unwrap(), "2024-07-15T09:30:00Z", "2024-07-15T09:30:00+00:00"),
        (new_york("%Y-%m-%d %H:%M:%S%z"), "2024-11-03 01:30:00-0400", "2024-11-03T05:30:00+00:00"),
        (new_york("%d.%m.%Y"), "15.01.2024", "2024-01-15T05:00:00+00:00"),
        (new_york(us), "01/15/2060 09:30:59", "2060-01-15T14:30:59+00:00"),
    ] {
        let imported = one(map, &format!("A,B,1,1,{time},7"));
        assert_eq!(imported.rejected, [], "{time}");
        assert_eq!(imported.entries[0].entry.timestamp.to_string(), instant);
    }
}

/// Story: the row's number in the file was the `sequence`, so that the rows of one instant in another piece of the
/// same statement were numbered anew, and a sale came before the purchase it sold.
#[test]
fn pieces_of_a_statement_number_the_rows_of_an_instant_alike() {
    let row = |second: u32, order: u32| format!("A,B,1,1,2024-01-15T14:30:{second:02}Z,{order}\n");
    let rows = [row(1, 9), row(1, 8), row(1, 7), row(2, 6), row(2, 5)];
    let piece = |range: std::ops::Range<usize>| format!("{HEADER}\n{}", rows[range].concat());
    let sequence_of = |imported: &Imported| -> BTreeMap<String, String> {
        imported.entries.iter().map(|it| (it.entry.order_id.to_string(), it.entry.sequence.unwrap().to_string())).collect()
    };
    let whole = sequence_of(&mapped(map(), &piece(0..5)));
    assert_eq!(whole.values().map(String::as_str).collect::<Vec<_>>(), ["2", "1", "3", "2", "1"], "by order 5 to 9");
    // pieces that hold an instant whole, one import each
    let mut pieces = sequence_of(&mapped(map(), &piece(3..5)));
    pieces.extend(sequence_of(&mapped(map(), &piece(0..3))));
    assert_eq!(pieces, whole);
    // pieces cut through an instant, in one import
    let files = [("a".to_owned(), piece(0..2)), ("b".to_owned(), piece(2..5))].map(|(name, text)| (name, io::Cursor::new(text)));
    let together = import(Format::Csv(map()), Defaults::default(), files).unwrap();
    assert_eq!(sequence_of(&together), whole);
}

#[test]
fn the_row_number_orders_ties_of_coarse_times_only() {
    let rows = format!("{HEADER}\nA,B,1,1,2024-01-15T14:30:00Z,1\nA,B,1,1,2024-01-15T14:30:00.000Z,2\nA,B,1,1,2024-01-15T14:30:00Z,3\n");
    let sequences =
        |map| -> Vec<Option<String>> { mapped(map, &rows).entries.iter().map(|it| it.entry.sequence.map(|s| s.to_string())).collect() };
    assert_eq!(sequences(map()), [Some("1".into()), None, Some("2".into())]);
    assert_eq!(sequences(map().newest_first()), [Some("-1".into()), None, Some("-2".into())]);
    let own = mapped(map(), "Ticker,Action,Qty,AvgPx,Trade Time,Order #,sequence\nA,B,1,1,2024-01-15T14:30:00Z,1,40\n");
    assert_eq!(own.entries[0].entry.sequence.unwrap().to_string(), "40");
    let turned = format!("{HEADER}\nA,B,1,1,2024-01-15T14:30:00Z,3\nA,B,1,1,2024-01-15T14:30:00Z,1\n");
    let (first, turned) = (mapped(map(), &rows), mapped(map(), &turned));
    assert_eq!(first.entries[0].entry.ledger_id, turned.entries[1].entry.ledger_id);
}

#[test]
fn bad_cells_name_their_field_and_column() {
    for (row, field, says) in [
        ("A,B,-1,1,2024-01-15T14:30:00Z,7", "quantity", "must be above zero (column \"Qty\")"),
        ("A,B,\"1,000\",1,2024-01-15T14:30:00Z,7", "quantity", "no thousands separators"),
        ("A,B,1,\"1,5\",2024-01-15T14:30:00Z,7", "price", "column \"AvgPx\""),
        ("A,B,1,1,2024-01-15T14:30:00Z,", "order_id", "is required"),
        ("A,B,1,1,,7", "timestamp", "is required"),
    ] {
        let imported = one(map(), row);
        let (line, named, reason) = refused(&imported);
        assert_eq!((line, named), (2, field));
        assert!(reason.contains(says), "{row}: {reason}");
    }
}

#[test]
fn a_header_without_the_mapped_columns_is_one_rejection() {
    for (header, says) in [
        ("Ticker,Action,Qty,Trade Time,Order #", "no column \"AvgPx\", which price is mapped to"),
        ("Ticker,Action,Qty,AvgPx,AvgPx,Trade Time,Order #", "more than one column \"AvgPx\""),
    ] {
        assert!(refused(&mapped(map(), &format!("{header}\n1\n2\n"))).2.contains(says));
    }
    let imported = mapped(CsvMap::new(["price=AvgPx"]).unwrap(), "symbol,side,AvgPx,timestamp\n");
    assert!(refused(&imported).2.contains("no column for quantity, order_id"));
}

#[test]
fn a_mapping_that_cannot_be_used_says_why() {
    let message = |result: Result<CsvMap, ImportError>| result.unwrap_err().to_string();
    assert_eq!(message(CsvMap::new(["price"])), "map \"price\": want field=Column, such as price=AvgPx");
    assert!(message(CsvMap::new(["prize=X"])).contains("no field is called \"prize\"; the fields are ledger_id, "));
    assert!(message(CsvMap::new(["price=A", "price=B"])).contains("mapped twice"));
    assert!(message(map().time_zone("EST5EDT/Nowhere")).contains("IANA"));
    assert!(message(map().time_format("%I:%M")).contains("AM or PM"));
    assert!(message(map().time_format("%!")).starts_with("time-format"));
    assert!(message(map().delimiter('é')).contains("tab"));
    assert!(message(map().delimiter('1')).contains("tab"));
}
