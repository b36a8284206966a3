//! The table of recorded fills the accounting reads: one compact row a fill, names interned, found by key.
//!
//! 1. Rows are numbered in the order they were pushed; [`Fills::in_order`] gives them in replay order:
//!    `(timestamp, sequence, order_id, fill_id or ledger_id)`, whatever the order of arrival.
//! 2. A key stands in the table once; [`Fills::find`] finds it without reading anything else.
//! 3. Every number is exact: what does not fit the narrow columns is kept beside them.
//!
//! The columns are plain arrays ([`Columns`]) so that a store can keep them on disk and give them back.

#![expect(
    clippy::cast_possible_truncation,
    reason = "rows are numbered below 2^32, which `Fills::push` sees to; names and books are fewer by far"
)]

mod ids;
mod keys;
mod names;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::OnceLock;

pub use ids::IdText;
pub use keys::KeyTable;
pub use names::Names;

use crate::entry::{AssetType, Entry, Key, Side};
use crate::money::{Decimal, Money, Price, Quantity};
use crate::time::Timestamp;

/// The number of a row in [`Fills`].
pub type Row = u32;

/// A name's number in [`Names`]; 0 is "none".
pub type NameId = u32;

/// Whose position a fill changes: account, strategy, symbol, each interned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BookKey {
    /// The account, 0 where the fill names none.
    pub account: NameId,
    /// The strategy, 0 for untagged.
    pub strategy: NameId,
    /// The symbol, never 0.
    pub symbol: NameId,
}

const SELL: u8 = 1;
const WIDE: u8 = 2;
const SEQUENCED: u8 = 4;
const ALLOCATED: u8 = 8;
const KEYED_BY_FILL: u8 = 16;

/// Nanoseconds since the epoch; mantissas of quantity, price and fees; eight bytes that say how to read them
/// (decimal places of quantity, price, fees, sequence; flags; asset type; which ids are UUIDs; zero), the first
/// lowest; index into the books.
pub type Cells = [i64; 6];

const AT: usize = 0;
const QUANTITY: usize = 1;
const PRICE: usize = 2;
const FEES: usize = 3;
const SHAPE: usize = 4;
const BOOK: usize = 5;

/// The columns of [`Fills`], one element a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    /// What accounting reads of a fill, together, so that it waits for memory once: see [`Cells`].
    pub cells: Vec<Cells>,
    /// Mantissa of the sequence, 0 without one.
    pub sequence: Vec<i64>,
    /// `ledger_id`, `order_id`, `fill_id`: a UUID's 128 bits, or a place in the text arena.
    pub ids: Vec<[u128; 3]>,
}

/// What the columns cannot hold; empty for ordinary ledgers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// Quantity, price, fees, sequence of rows with a number past 64 bits.
    pub wide: BTreeMap<Row, [Decimal; 4]>,
    /// Owners of a netted fill, as quantities.
    pub allocations: BTreeMap<Row, Vec<(NameId, Decimal)>>,
    /// Ids that are not UUIDs.
    pub arena: String,
}

/// All recorded fills.
#[derive(Debug, Default)]
pub struct Fills {
    columns: Columns,
    beside: Beside,
    accounts: Names,
    strategies: Names,
    symbols: Names,
    books: names::Books,
    keys: KeyTable,
    order: Vec<Row>,
    settled: bool,
    postings: OnceLock<Postings>,
}

/// Rows in replay order, by strategy (owners of netted fills included) and by symbol.
#[derive(Debug, Default)]
struct Postings {
    by_strategy: Vec<Vec<Row>>,
    by_symbol: Vec<Vec<Row>>,
}

impl Fills {
    /// An empty table.
    pub fn new() -> Self {
        Self { settled: true, ..Self::default() }
    }

    /// Makes room for `rows` more fills at once.
    pub fn reserve(&mut self, rows: usize) {
        let c = &mut self.columns;
        c.cells.reserve(rows);
        c.sequence.reserve(rows);
        c.ids.reserve(rows);
        self.order.reserve(rows);
        self.keys.reserve(rows);
    }

    /// How many fills it holds.
    pub fn len(&self) -> usize {
        self.columns.cells.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.columns.cells.is_empty()
    }

    /// The row recorded under `key`.
    pub fn find(&self, key: Key<'_>) -> Option<Row> {
        self.keys.find(keys::tag(key), |row| self.is_key(row, key))
    }

    fn is_key(&self, row: Row, key: Key<'_>) -> bool {
        let fill = self.fill(row);
        let execution = if fill.is_keyed_by_fill() { fill.fill_id() } else { Some(fill.ledger_id()) };
        fill.is_keyed_by_fill() == key.has_fill_id && fill.order_id().is(key.order_id) && execution.is_some_and(|id| id.is(key.execution))
    }

    /// Adds a fill unless its key is already there; gives its row, and whether it is new.
    ///
    /// # Errors
    /// The entry's row would be past the 4,294,967,294 a table can number.
    pub fn push(&mut self, entry: &Entry<'_>) -> Result<(Row, bool), TableFull> {
        let key = entry.key();
        let row = Row::try_from(self.len()).ok().filter(|row| *row < Row::MAX).ok_or(TableFull)?;
        let tag = keys::tag(key);
        if let Some(found) = self.keys.find(tag, |row| self.is_key(row, key)) {
            return Ok((found, false));
        }
        self.keys.insert(tag, row);
        self.push_columns(entry);
        self.push_order(row);
        Ok((row, true))
    }

    fn push_columns(&mut self, entry: &Entry<'_>) {
        let book = self.book_of(entry);
        let row = self.len() as Row;
        let numbers = [entry.quantity.0, entry.price.0, entry.fees.0, entry.sequence.unwrap_or_default()].map(Decimal::normalized);
        let mut flags = 0;
        if entry.side == Side::Sell {
            flags |= SELL;
        }
        if entry.sequence.is_some() {
            flags |= SEQUENCED;
        }
        if entry.fill_id.is_some() {
            flags |= KEYED_BY_FILL;
        }
        if !entry.allocations.is_empty() {
            flags |= ALLOCATED;
            let shares = self.allocated(entry);
            self.beside.allocations.insert(row, shares);
        }
        let narrow = numbers.map(|number| i64::try_from(number.mantissa()));
        let [Ok(quantity), Ok(price), Ok(fees), Ok(sequence)] = narrow else {
            self.beside.wide.insert(row, numbers);
            return self.push_row(entry, book, [0; 4], [0, 0, 0, 0, flags | WIDE, asset_code(entry.asset_type), 0, 0]);
        };
        let [q, p, f, s] = numbers.map(Decimal::scale);
        self.push_row(entry, book, [quantity, price, fees, sequence], [q, p, f, s, flags, asset_code(entry.asset_type), 0, 0]);
    }

    fn push_row(&mut self, entry: &Entry<'_>, book: u32, numbers: [i64; 4], mut shape: [u8; 8]) {
        let mut ids = [0u128; 3];
        let texts = [Some(&entry.ledger_id), Some(&entry.order_id), entry.fill_id.as_ref()];
        for (slot, text) in texts.into_iter().enumerate() {
            let Some(text) = text else { continue };
            match ids::parse_uuid(text) {
                Some(uuid) => {
                    ids[slot] = uuid;
                    shape[6] |= 1 << slot;
                }
                None => ids[slot] = ids::into_arena(&mut self.beside.arena, text),
            }
        }
        let columns = &mut self.columns;
        let [quantity, price, fees, sequence] = numbers;
        columns.cells.push([entry.timestamp.as_nanos(), quantity, price, fees, i64::from_le_bytes(shape), i64::from(book)]);
        columns.sequence.push(sequence);
        columns.ids.push(ids);
    }

    fn book_of(&mut self, entry: &Entry<'_>) -> u32 {
        let account = entry.account_id.as_deref().map_or(0, |name| self.accounts.intern(name));
        let strategy = entry.strategy_name.as_deref().map_or(0, |name| self.strategies.intern(name));
        let symbol = self.symbols.intern(&entry.symbol);
        self.books.intern(BookKey { account, strategy, symbol })
    }

    /// The owners of a netted fill as quantities; their books exist from now on.
    fn allocated(&mut self, entry: &Entry<'_>) -> Vec<(NameId, Decimal)> {
        let account = entry.account_id.as_deref().map_or(0, |name| self.accounts.intern(name));
        let symbol = self.symbols.intern(&entry.symbol);
        let mut sum = Decimal::ZERO;
        for (_, share) in &entry.allocations {
            // the entry was checked: the sum fits
            sum = sum.plus(*share).unwrap_or(sum);
        }
        let weights = sum != entry.quantity.0;
        let mut shares = Vec::with_capacity(entry.allocations.len());
        for (name, share) in &entry.allocations {
            let strategy = self.strategies.intern(name);
            self.books.intern(BookKey { account, strategy, symbol });
            let quantity = if weights { entry.quantity.0.times(*share).unwrap_or(*share) } else { *share };
            shares.push((strategy, quantity.normalized()));
        }
        shares
    }

    fn push_order(&mut self, row: Row) {
        if self.settled && self.order.last().is_some_and(|last| self.replay_cmp(*last, row) == Ordering::Greater) {
            self.settled = false;
            self.postings = OnceLock::new();
        }
        self.order.push(row);
        if let Some(mut postings) = self.postings.take() {
            self.post(&mut postings, row);
            let _ = self.postings.set(postings);
        }
    }

    /// Brings rows pushed out of replay order into it. Until then [`Fills::in_order`] is not to be used.
    pub fn settle(&mut self) {
        if self.settled {
            return;
        }
        let mut order = std::mem::take(&mut self.order);
        order.sort_by(|a, b| self.replay_cmp(*a, *b));
        self.order = order;
        self.settled = true;
    }

    /// Whether every row is in replay order.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// The rows in replay order.
    pub fn in_order(&self) -> &[Row] {
        debug_assert!(self.settled, "settle() first");
        &self.order
    }

    /// The order of events: `(timestamp, sequence, order_id, fill_id or ledger_id)`.
    pub fn replay_cmp(&self, a: Row, b: Row) -> Ordering {
        self.columns.cells[a as usize][AT].cmp(&self.columns.cells[b as usize][AT]).then_with(|| {
            let (a, b) = (self.fill(a), self.fill(b));
            a.sequence()
                .cmp(&b.sequence())
                .then_with(|| a.order_id().cmp(&b.order_id()))
                .then_with(|| a.execution_id().cmp(&b.execution_id()))
                .then_with(|| a.is_keyed_by_fill().cmp(&b.is_keyed_by_fill()))
        })
    }

    fn post(&self, postings: &mut Postings, row: Row) {
        fn list(lists: &mut Vec<Vec<Row>>, id: NameId) -> &mut Vec<Row> {
            let index = id as usize;
            if lists.len() <= index {
                lists.resize_with(index + 1, Vec::new);
            }
            &mut lists[index]
        }
        let book = self.fill(row).book();
        list(&mut postings.by_symbol, book.symbol).push(row);
        match self.beside.allocations.get(&row) {
            Some(shares) => shares.iter().for_each(|(strategy, _)| list(&mut postings.by_strategy, *strategy).push(row)),
            None => list(&mut postings.by_strategy, book.strategy).push(row),
        }
    }

    fn postings(&self) -> &Postings {
        self.postings.get_or_init(|| {
            let mut postings = Postings::default();
            self.in_order().iter().for_each(|row| self.post(&mut postings, *row));
            postings
        })
    }

    /// Rows a strategy owns, wholly or in part, in replay order; 0 gives the untagged ones.
    pub fn of_strategy(&self, strategy: NameId) -> &[Row] {
        self.postings().by_strategy.get(strategy as usize).map_or(&[], Vec::as_slice)
    }

    /// Rows of a symbol, in replay order.
    pub fn of_symbol(&self, symbol: NameId) -> &[Row] {
        self.postings().by_symbol.get(symbol as usize).map_or(&[], Vec::as_slice)
    }

    /// One fill.
    ///
    /// # Panics
    /// When `row` is not below [`Fills::len`].
    pub fn fill(&self, row: Row) -> Fill<'_> {
        self.fill_of(row, &self.columns.cells[row as usize])
    }

    /// The fill in `row`, whose cells the caller has at hand.
    pub(crate) fn fill_of<'a>(&'a self, row: Row, cells: &'a Cells) -> Fill<'a> {
        Fill { table: self, cells, row: row as usize }
    }

    /// The account names.
    pub fn accounts(&self) -> &Names {
        &self.accounts
    }

    /// The strategy names.
    pub fn strategies(&self) -> &Names {
        &self.strategies
    }

    /// The symbols.
    pub fn symbols(&self) -> &Names {
        &self.symbols
    }

    /// Every book a fill names, by number.
    pub fn books(&self) -> &[BookKey] {
        self.books.all()
    }

    /// The number of a book.
    pub fn book_number(&self, key: BookKey) -> Option<u32> {
        self.books.find(key)
    }

    /// Bytes of memory held for the table, its indexes included.
    pub fn memory_bytes(&self) -> usize {
        let c = &self.columns;
        let columns = c.cells.capacity() * size_of::<Cells>() + c.sequence.capacity() * 8 + c.ids.capacity() * 48;
        let postings = self.postings.get().map_or(0, |p| p.by_strategy.iter().chain(&p.by_symbol).map(|list| list.capacity() * 4).sum());
        let beside = self.beside.wide.len() * 160 + self.beside.allocations.len() * 120 + self.beside.arena.capacity();
        columns + self.keys.memory_bytes() + self.order.capacity() * 4 + postings + beside
    }

    /// The parts of a settled table a store may keep; [`Fills::from_parts`] puts them together again.
    pub fn parts(&self) -> Parts<'_> {
        Parts {
            columns: &self.columns,
            beside: &self.beside,
            names: [&self.accounts, &self.strategies, &self.symbols],
            books: self.books.all(),
            key_slots: self.keys.slots(),
            order: &self.order,
        }
    }

    /// The table from the parts of a settled one.
    ///
    /// # Errors
    /// `None` when the parts do not fit each other.
    pub fn from_parts(
        columns: Columns,
        beside: Beside,
        names: [Names; 3],
        books: Vec<BookKey>,
        key_slots: Vec<u64>,
        order: Vec<Row>,
    ) -> Option<Self> {
        let rows = columns.cells.len();
        let lengths = [columns.sequence.len(), columns.ids.len(), order.len()];
        let [accounts, strategies, symbols] = names;
        let known = |key: &BookKey| {
            (key.account as usize) <= accounts.len()
                && (key.strategy as usize) <= strategies.len()
                && (key.symbol as usize) <= symbols.len()
        };
        let consistent = lengths.iter().all(|len| *len == rows)
            && books.iter().all(known)
            && columns.cells.iter().all(|cells| usize::try_from(cells[BOOK]).is_ok_and(|book| book < books.len()));
        if !consistent {
            return None;
        }
        let keys = KeyTable::from_slots(key_slots, rows)?;
        let named = books.len();
        let books = names::Books::from_keys(books);
        if books.all().len() != named {
            return None;
        }
        Some(Self { columns, beside, accounts, strategies, symbols, books, keys, order, settled: true, postings: OnceLock::new() })
    }
}

/// The borrowed parts of a [`Fills`].
#[derive(Debug)]
pub struct Parts<'a> {
    /// The columns.
    pub columns: &'a Columns,
    /// What the columns cannot hold.
    pub beside: &'a Beside,
    /// Accounts, strategies, symbols.
    pub names: [&'a Names; 3],
    /// The books by number.
    pub books: &'a [BookKey],
    /// The key table's slots.
    pub key_slots: &'a [u64],
    /// Rows in replay order.
    pub order: &'a [Row],
}

/// A table cannot number more rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a ledger holds at most 4,294,967,294 fills")]
pub struct TableFull;

fn asset_code(kind: Option<AssetType>) -> u8 {
    kind.map_or(0, |kind| kind as u8 + 1)
}

/// One recorded fill, read from the table.
#[derive(Debug, Clone, Copy)]
pub struct Fill<'a> {
    table: &'a Fills,
    cells: &'a Cells,
    row: usize,
}

impl<'a> Fill<'a> {
    #[inline]
    pub(crate) fn cells(&self) -> &'a Cells {
        self.cells
    }

    #[inline]
    fn shape(&self) -> [u8; 8] {
        self.cells()[SHAPE].to_le_bytes()
    }

    fn flag(&self, flag: u8) -> bool {
        self.shape()[4] & flag != 0
    }

    #[inline]
    fn number(&self, slot: usize, mantissa: i64) -> Decimal {
        let shape = self.shape();
        if shape[4] & WIDE != 0 {
            return self.table.beside.wide.get(&(self.row as Row)).map_or(Decimal::ZERO, |numbers| numbers[slot]);
        }
        // scales were taken from decimals, so they are valid
        Decimal::new(i128::from(mantissa), shape[slot]).unwrap_or_default()
    }

    /// Its row.
    pub fn row(&self) -> Row {
        self.row as Row
    }

    /// When it was executed.
    pub fn timestamp(&self) -> Timestamp {
        Timestamp::from_nanos(self.cells()[AT])
    }

    /// Bought or sold.
    #[inline]
    pub fn side(&self) -> Side {
        if self.flag(SELL) { Side::Sell } else { Side::Buy }
    }

    /// How many, above zero, without trailing zeros.
    #[inline]
    pub fn quantity(&self) -> Quantity {
        Quantity(self.number(0, self.cells()[QUANTITY]))
    }

    /// Currency per unit, without trailing zeros.
    #[inline]
    pub fn price(&self) -> Price {
        Price(self.number(1, self.cells()[PRICE]))
    }

    /// Fees, positive = paid, without trailing zeros.
    #[inline]
    pub fn fees(&self) -> Money {
        Money(self.number(2, self.cells()[FEES]))
    }

    /// The tie-breaker, where it has one.
    pub fn sequence(&self) -> Option<Decimal> {
        self.flag(SEQUENCED).then(|| self.number(3, self.table.columns.sequence[self.row]))
    }

    /// The kind of instrument, where known.
    pub fn asset_type(&self) -> Option<AssetType> {
        AssetType::ALL.get(usize::from(self.shape()[5]).wrapping_sub(1)).copied()
    }

    /// The number of the book its tag names.
    #[inline]
    pub fn book_number(&self) -> u32 {
        self.cells()[BOOK].cast_unsigned() as u32
    }

    /// The book its tag names.
    pub fn book(&self) -> BookKey {
        self.table.books.all()[self.book_number() as usize]
    }

    /// The strategy's name; `None` for untagged and for netted fills.
    pub fn strategy_name(&self) -> Option<&'a str> {
        self.table.strategies.get(self.book().strategy)
    }

    /// The symbol.
    pub fn symbol(&self) -> &'a str {
        self.table.symbols.get(self.book().symbol).unwrap_or_default()
    }

    /// The account, where named.
    pub fn account_id(&self) -> Option<&'a str> {
        self.table.accounts.get(self.book().account)
    }

    /// Owners and their quantities, where the fill was netted across strategies.
    pub fn allocations(&self) -> Option<&'a [(NameId, Decimal)]> {
        if !self.flag(ALLOCATED) {
            return None;
        }
        self.table.beside.allocations.get(&(self.row as Row)).map(Vec::as_slice)
    }

    fn id(&self, slot: usize) -> IdText<'a> {
        let id = self.table.columns.ids[self.row][slot];
        if self.shape()[6] & (1 << slot) != 0 { IdText::Uuid(id) } else { ids::from_arena(&self.table.beside.arena, id) }
    }

    /// The entry's own id.
    pub fn ledger_id(&self) -> IdText<'a> {
        self.id(0)
    }

    /// The broker's order id.
    pub fn order_id(&self) -> IdText<'a> {
        self.id(1)
    }

    /// The broker's execution id.
    pub fn fill_id(&self) -> Option<IdText<'a>> {
        self.flag(KEYED_BY_FILL).then(|| self.id(2))
    }

    /// Whether its key holds a `fill_id`.
    pub fn is_keyed_by_fill(&self) -> bool {
        self.flag(KEYED_BY_FILL)
    }

    /// `fill_id`, or `ledger_id` without one.
    pub fn execution_id(&self) -> IdText<'a> {
        self.fill_id().unwrap_or_else(|| self.ledger_id())
    }
}
