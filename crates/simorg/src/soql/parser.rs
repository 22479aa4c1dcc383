//! Tokens to a query.

use super::Refusal;
use super::ast::{Expr, Item, Literal, Name, Operator, Order, Query, Relative};
use super::lexer::{Placed, Token, tokens};

/// Deepest nesting of conditions.
const DEEPEST: usize = 40;

/// Words that end a clause and so cannot be an alias.
const KEYWORDS: [&str; 12] = [
    "where", "order", "group", "limit", "offset", "from", "and", "or", "having", "with", "for",
    "using",
];

/// Reads a whole query.
pub(super) fn parse(text: &str) -> Result<Query, Refusal> {
    let tokens = tokens(text)?;
    Parser { text, tokens, next: 0 }.query()
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Placed>,
    next: usize,
}

impl Parser<'_> {
    fn query(mut self) -> Result<Query, Refusal> {
        self.keyword("select")?;
        let mut select = vec![self.item()?];
        while self.take_symbol(",") {
            select.push(self.item()?);
        }
        self.keyword("from")?;
        let from = self.name()?;
        let alias = self.alias();
        let filter = if self.take_word("where") { Some(self.condition(0)?) } else { None };
        let mut group_by = Vec::new();
        if self.take_word("group") {
            self.keyword("by")?;
            group_by.push(self.name()?);
            while self.take_symbol(",") {
                group_by.push(self.name()?);
            }
        }
        let mut order_by = Vec::new();
        if self.take_word("order") {
            self.keyword("by")?;
            order_by.push(self.order()?);
            while self.take_symbol(",") {
                order_by.push(self.order()?);
            }
        }
        let limit = if self.take_word("limit") { Some(self.count()?) } else { None };
        let offset = if self.take_word("offset") { Some(self.count()?) } else { None };
        if *self.token() != Token::End {
            return Err(self.unexpected());
        }
        Ok(Query { select, from, alias, filter, group_by, order_by, limit, offset })
    }

    fn item(&mut self) -> Result<Item, Refusal> {
        let name = self.name()?;
        if !self.take_symbol("(") {
            return Ok(Item::Field(name));
        }
        if name.text.eq_ignore_ascii_case("fields") {
            let which = self.name()?;
            self.symbol(")")?;
            return Ok(Item::Fields(which));
        }
        if name.text.eq_ignore_ascii_case("count") && self.take_symbol(")") {
            return Ok(Item::Count);
        }
        let field = self.name()?;
        self.symbol(")")?;
        Ok(Item::Aggregate { function: name, field, alias: self.alias() })
    }

    fn alias(&mut self) -> Option<String> {
        let Token::Word(word) = self.token() else { return None };
        if KEYWORDS.iter().any(|keyword| word.eq_ignore_ascii_case(keyword)) {
            return None;
        }
        let word = word.clone();
        self.next += 1;
        Some(word)
    }

    fn order(&mut self) -> Result<Order, Refusal> {
        let field = self.name()?;
        let descending = self.take_word("desc");
        if !descending {
            self.take_word("asc");
        }
        let mut nulls_last = false;
        if self.take_word("nulls") {
            nulls_last = self.take_word("last");
            if !nulls_last {
                self.keyword("first")?;
            }
        }
        Ok(Order { field, descending, nulls_last })
    }

    /// Conditions joined by one kind of word: a mixture needs parentheses, as on the platform.
    fn condition(&mut self, depth: usize) -> Result<Expr, Refusal> {
        let first = self.operand(depth)?;
        for (word, join) in [
            ("and", Expr::All as fn(Vec<Expr>) -> Expr),
            ("or", Expr::Any as fn(Vec<Expr>) -> Expr),
        ] {
            if self.take_word(word) {
                let mut parts = vec![first, self.operand(depth)?];
                while self.take_word(word) {
                    parts.push(self.operand(depth)?);
                }
                if self.at_word("and") || self.at_word("or") {
                    return Err(self.unexpected());
                }
                return Ok(join(parts));
            }
        }
        Ok(first)
    }

    fn operand(&mut self, depth: usize) -> Result<Expr, Refusal> {
        if depth > DEEPEST {
            return Err(Refusal::plain(
                "QUERY_TOO_COMPLICATED",
                "Query is either selecting too many fields or the filter conditions are too complicated.",
            ));
        }
        if self.take_word("not") {
            return Ok(Expr::Not(Box::new(self.operand(depth + 1)?)));
        }
        if self.take_symbol("(") {
            let inner = self.condition(depth + 1)?;
            self.symbol(")")?;
            return Ok(inner);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expr, Refusal> {
        let field = self.name()?;
        if self.take_word("in") {
            return self.list(field, false);
        }
        if self.take_word("not") {
            self.keyword("in")?;
            return self.list(field, true);
        }
        let operator = if self.take_word("like") {
            Operator::Like
        } else {
            let operator = match self.token() {
                Token::Symbol("=") => Operator::Equal,
                Token::Symbol("!=") => Operator::NotEqual,
                Token::Symbol("<") => Operator::Less,
                Token::Symbol("<=") => Operator::LessOrEqual,
                Token::Symbol(">") => Operator::Greater,
                Token::Symbol(">=") => Operator::GreaterOrEqual,
                _ => return Err(self.unexpected()),
            };
            self.next += 1;
            operator
        };
        let at = self.place();
        Ok(Expr::Compare { field, operator, value: self.literal()?, at })
    }

    fn list(&mut self, field: Name, negated: bool) -> Result<Expr, Refusal> {
        if matches!(self.token(), Token::Symbol(":")) {
            return Err(self.bind());
        }
        self.symbol("(")?;
        let mut values = Vec::new();
        loop {
            let at = self.place();
            values.push((self.literal()?, at));
            if !self.take_symbol(",") {
                break;
            }
        }
        self.symbol(")")?;
        Ok(Expr::In { field, negated, values })
    }

    fn literal(&mut self) -> Result<Literal, Refusal> {
        let literal = match self.token().clone() {
            Token::Text(raw) => Literal::Text(raw),
            Token::Number(value) => Literal::Number(value),
            Token::Time(at) => Literal::Time(at),
            Token::Date(day) => Literal::Date(day),
            Token::Symbol(":") => return Err(self.bind()),
            Token::Word(word) => return self.word_literal(&word.to_ascii_lowercase()),
            _ => return Err(self.unexpected()),
        };
        self.next += 1;
        Ok(literal)
    }

    fn word_literal(&mut self, word: &str) -> Result<Literal, Refusal> {
        let literal = match word {
            "true" => Literal::Bool(true),
            "false" => Literal::Bool(false),
            "null" => Literal::Null,
            "yesterday" => Literal::Relative(Relative::Yesterday),
            "today" => Literal::Relative(Relative::Today),
            "tomorrow" => Literal::Relative(Relative::Tomorrow),
            "this_month" => Literal::Relative(Relative::ThisMonth),
            "last_month" => Literal::Relative(Relative::LastMonth),
            "last_90_days" => Literal::Relative(Relative::LastDays(90)),
            "last_n_days" | "next_n_days" | "n_days_ago" => {
                self.next += 1;
                self.symbol(":")?;
                let days = i32::try_from(self.count()?).map_err(|_| self.unexpected())?;
                return Ok(Literal::Relative(match word {
                    "last_n_days" => Relative::LastDays(days),
                    "next_n_days" => Relative::NextDays(days),
                    _ => Relative::DaysAgo(days),
                }));
            }
            _ => return Err(self.unexpected()),
        };
        self.next += 1;
        Ok(literal)
    }

    fn count(&mut self) -> Result<u64, Refusal> {
        match *self.token() {
            Token::Number(value) if value >= 0.0 && value.fract() == 0.0 && value < 1e15 => {
                self.next += 1;
                Ok(value as u64)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn name(&mut self) -> Result<Name, Refusal> {
        let at = self.place();
        let Token::Word(word) = self.token() else { return Err(self.unexpected()) };
        if ["from", "where", "select"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword)) {
            return Err(self.unexpected());
        }
        let text = word.clone();
        self.next += 1;
        Ok(Name { text, at })
    }

    fn token(&self) -> &Token {
        self.tokens.get(self.next).map_or(&Token::End, |placed| &placed.token)
    }

    fn place(&self) -> usize {
        self.tokens.get(self.next).map_or(self.text.len(), |placed| placed.at)
    }

    fn at_word(&self, keyword: &str) -> bool {
        matches!(self.token(), Token::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    fn take_word(&mut self, keyword: &str) -> bool {
        let there = self.at_word(keyword);
        self.next += usize::from(there);
        there
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let there = matches!(self.token(), Token::Symbol(found) if *found == symbol);
        self.next += usize::from(there);
        there
    }

    fn keyword(&mut self, keyword: &str) -> Result<(), Refusal> {
        if self.take_word(keyword) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn symbol(&mut self, symbol: &str) -> Result<(), Refusal> {
        if self.take_symbol(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn unexpected(&self) -> Refusal {
        let written = self.tokens.get(self.next).map_or("<EOF>", |placed| &placed.written);
        let message = format!("unexpected token: '{written}'");
        Refusal::at("MALFORMED_QUERY", self.text, self.place(), &message)
    }

    fn bind(&self) -> Refusal {
        let message = "Bind variables only allowed in Apex code";
        Refusal::at("MALFORMED_QUERY", self.text, self.place(), message)
    }
}
