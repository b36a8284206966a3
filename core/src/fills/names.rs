//! Names and books as small numbers.

#![expect(
    clippy::cast_possible_truncation,
    reason = "rows are numbered below 2^32, which `Fills::push` sees to; names and books are fewer by far"
)]

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::{BookKey, NameId};

/// Interned names: 1 is the first, 0 means "none". Lookups only; nothing iterates the map.
#[derive(Debug, Default, Clone)]
pub struct Names {
    all: Vec<Box<str>>,
    numbers: HashMap<Box<str>, NameId, FixedState>,
}

impl Names {
    /// The number of `name`, given on first sight.
    pub fn intern(&mut self, name: &str) -> NameId {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        self.all.push(name.into());
        let number = self.all.len() as NameId;
        self.numbers.insert(name.into(), number);
        number
    }

    /// The number of a known name.
    pub fn find(&self, name: &str) -> Option<NameId> {
        self.numbers.get(name).copied()
    }

    /// The name of a number; `None` for 0.
    pub fn get(&self, number: NameId) -> Option<&str> {
        self.all.get((number as usize).checked_sub(1)?).map(|name| &**name)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Every name, in the order of its number.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|name| &**name)
    }
}

/// Interned books, numbered from 0.
#[derive(Debug, Default, Clone)]
pub struct Books {
    all: Vec<BookKey>,
    /// By account and strategy: the number of each symbol's book plus one, 0 where there is none.
    numbers: HashMap<(NameId, NameId), Vec<u32>, FixedState>,
}

impl Books {
    pub fn intern(&mut self, key: BookKey) -> u32 {
        let by_symbol = self.numbers.entry((key.account, key.strategy)).or_default();
        let symbol = key.symbol as usize;
        if by_symbol.len() <= symbol {
            by_symbol.resize(symbol + 1, 0);
        }
        let slot = &mut by_symbol[symbol];
        if *slot == 0 {
            self.all.push(key);
            *slot = self.all.len() as u32;
        }
        *slot - 1
    }

    pub fn find(&self, key: BookKey) -> Option<u32> {
        self.numbers.get(&(key.account, key.strategy))?.get(key.symbol as usize)?.checked_sub(1)
    }

    pub fn all(&self) -> &[BookKey] {
        &self.all
    }

    pub fn from_keys(keys: Vec<BookKey>) -> Self {
        let mut books = Self::default();
        for key in keys {
            books.intern(key);
        }
        books
    }
}
