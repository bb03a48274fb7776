//! A statement for both engines. Invariant: both texts use the same parameters `$1..$n`, without a gap, and nothing that
//! only one engine parses; a violation does not compile.

/// One statement: the same text for both engines, or a visible split. Made by [`sql!`](crate::sql).
#[derive(Debug, Clone, Copy)]
pub struct Sql {
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
    pub(super) parameters: usize,
    /// Whether it changes or locks rows.
    pub(super) writes: bool,
}

/// More parameters than a reader can match with their binds; rows in number go in as one [`List`](super::List).
const PARAMETERS_MAX: u32 = 63;

impl Sql {
    /// From the two texts; [`sql!`](crate::sql) writes both from one.
    ///
    /// # Panics
    ///
    /// While compiling, as statements are constants: when the texts differ in their parameters, or say what only one engine reads.
    pub const fn new(sqlite: &'static str, postgres: &'static str) -> Self {
        let used = parameters_used(sqlite.as_bytes());
        assert!(used == parameters_used(postgres.as_bytes()), "both engines must use the same parameters");
        let parameters = used.trailing_ones();
        assert!(used >> parameters == 0, "parameters must run from $1 without a gap");
        let writes = writes(sqlite.as_bytes()) || writes(postgres.as_bytes());
        Self { sqlite, postgres, parameters: parameters as usize, writes }
    }

    /// The text SQLite gets.
    pub const fn sqlite(&self) -> &'static str {
        self.sqlite
    }

    /// The text PostgreSQL gets.
    pub const fn postgres(&self) -> &'static str {
        self.postgres
    }
}

/// Whether a text has a word that changes or locks rows. Our names and texts never contain one as a separate word.
const fn writes(mut text: &[u8]) -> bool {
    let mut begins_word = true;
    while let [byte, rest @ ..] = text {
        if begins_word
            && matches!(
                text,
                [b'i', b'n', b's', b'e', b'r', b't', b' ', ..]
                    | [b'u', b'p', b'd', b'a', b't', b'e', b' ', ..]
                    | [b'd', b'e', b'l', b'e', b't', b'e', b' ', b'f', b'r', b'o', b'm', b' ', ..]
                    | [b'f', b'o', b'r', b' ', b'u' | b'n' | b's' | b'k', ..]
            )
        {
            return true;
        }
        begins_word = matches!(*byte, b' ' | b'(' | b'\n');
        text = rest;
    }
    false
}

/// The parameters in a text, `$1` in the lowest bit; one pass, because this runs in the compiler for every statement.
const fn parameters_used(mut text: &[u8]) -> u64 {
    let mut used = 0_u64;
    while let [byte, rest @ ..] = text {
        text = rest;
        match *byte {
            b'"' => panic!("no double quotes: SQLite takes a misspelt name in them for a string"),
            b';' => panic!("one statement, without a semicolon"),
            b'?' => panic!("parameters are written $1, and jsonb's ? operators are PostgreSQL's alone"),
            b':' => assert!(!matches!(rest, [b':', ..]), "write cast(x as t): SQLite does not know ::"),
            b'$' => {
                let mut number = 0_u32;
                while let [digit @ b'0'..=b'9', rest @ ..] = text {
                    number = number * 10 + (*digit - b'0') as u32;
                    assert!(number <= PARAMETERS_MAX, "too many parameters");
                    text = rest;
                }
                assert!(number > 0, "a parameter is $ and a number from 1");
                used |= 1 << (number - 1);
            }
            _ => {}
        }
    }
    used
}

/// Writes a [`Sql`](crate::platform::db::Sql) constant.
///
/// Plain literals go to both engines; `["..."]` to PostgreSQL only; `{ postgres: "...", sqlite: "..." }` to each its own;
/// `columns!()` is a macro of the same file that gives one literal. There is no other way to split, so a grep for `[` finds all.
///
/// ```
/// use quanzi_gateway::{platform::db::Sql, sql};
/// const FIND: Sql = sql!("select id, name from circle where partner_id = $1 and id = $2");
/// const TAKE: Sql = sql!("select id from job where due_at <= $1 order by due_at limit $2", [" for update skip locked"]);
/// assert!(TAKE.postgres().ends_with("skip locked") && TAKE.sqlite().ends_with("$2"));
/// ```
#[macro_export]
macro_rules! sql {
    (@ [$($sqlite:tt)*] [$($postgres:tt)*]) => {
        $crate::platform::db::Sql::new(::core::concat!($($sqlite)*), ::core::concat!($($postgres)*))
    };
    (@ [$($sqlite:tt)*] [$($postgres:tt)*] , $($rest:tt)*) => {
        $crate::sql!(@ [$($sqlite)*] [$($postgres)*] $($rest)*)
    };
    (@ [$($sqlite:tt)*] [$($postgres:tt)*] [$text:literal] $($rest:tt)*) => {
        $crate::sql!(@ [$($sqlite)*] [$($postgres)* $text,] $($rest)*)
    };
    (@ [$($sqlite:tt)*] [$($postgres:tt)*] { postgres: $theirs:literal, sqlite: $ours:literal $(,)? } $($rest:tt)*) => {
        $crate::sql!(@ [$($sqlite)* $ours,] [$($postgres)* $theirs,] $($rest)*)
    };
    (@ [$($sqlite:tt)*] [$($postgres:tt)*] $name:ident!() $($rest:tt)*) => {
        $crate::sql!(@ [$($sqlite)* $name!(),] [$($postgres)* $name!(),] $($rest)*)
    };
    (@ [$($sqlite:tt)*] [$($postgres:tt)*] $text:literal $($rest:tt)*) => {
        $crate::sql!(@ [$($sqlite)* $text,] [$($postgres)* $text,] $($rest)*)
    };
    ($($piece:tt)+) => { $crate::sql!(@ [] [] $($piece)+) };
}
