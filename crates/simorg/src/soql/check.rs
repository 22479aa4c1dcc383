//! A query against an object: do the fields exist, may they be used so, do the literals fit.

use jiff::SignedDuration;

use super::ast::{Expr, Item, Literal, Name, Operator, Query};
use super::literal;
use super::plan::{Filter, Function, Operand, Output, Plan, Selection, SortKey, Test};
use super::{Context, Refusal};
use crate::ids;
use crate::schema::{Field, Kind, Object};

/// Longest string in a condition, in characters.
const LONGEST_STRING: usize = 4_000;
/// Largest `OFFSET`.
const FARTHEST: u64 = 2_000;

/// Checks a query and answers how to run it on which object.
pub(super) fn check<'a>(
    text: &str,
    query: &Query,
    objects: &'a [Object],
    context: Context,
) -> Result<(Plan, &'a Object), Refusal> {
    let object = objects
        .iter()
        .find(|object| object.name.eq_ignore_ascii_case(&query.from.text))
        .ok_or_else(|| {
            let message = format!(
                "sObject type '{}' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names.",
                query.from.text
            );
            Refusal::at("INVALID_TYPE", text, query.from.at, &message)
        })?;
    let checker = Checker { text, query, object, context };
    if query.offset.is_some_and(|offset| offset > FARTHEST) {
        let message = "Maximum SOQL offset allowed is 2000";
        return Err(Refusal::plain("NUMBER_OUTSIDE_VALID_RANGE", message));
    }
    let plan = Plan {
        selection: checker.selection()?,
        filter: query.filter.as_ref().map(|filter| checker.filter(filter)).transpose()?,
        order: checker.order()?,
        limit: query.limit,
        offset: query.offset,
    };
    Ok((plan, object))
}

struct Checker<'a> {
    text: &'a str,
    query: &'a Query,
    object: &'a Object,
    context: Context,
}

impl Checker<'_> {
    fn refuse(&self, code: &'static str, at: usize, message: &str) -> Refusal {
        Refusal::at(code, self.text, at, message)
    }

    /// Finds a field by its name, with or without the object's name or alias before it.
    fn field(&self, name: &Name) -> Result<&Field, Refusal> {
        let mut text = name.text.as_str();
        let own = |first: &str| {
            first.eq_ignore_ascii_case(self.object.name)
                || self.query.alias.as_ref().is_some_and(|alias| alias.eq_ignore_ascii_case(first))
        };
        // A parent's field goes by its path, so the path is looked up before it is taken apart.
        if self.object.field(text).is_none()
            && let Some((first, rest)) = text.split_once('.')
            && own(first)
        {
            text = rest;
        }
        if let Some(field) = self.object.field(text) {
            return Ok(field);
        }
        let message = match text.split_once('.') {
            Some((first, _)) => format!(
                "Didn't understand relationship '{first}' in field path. If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship name. Please reference your WSDL or the describe call for the appropriate names."
            ),
            None => format!(
                "No such column '{text}' on entity '{}'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.",
                self.object.name
            ),
        };
        Err(self.refuse("INVALID_FIELD", name.at, &message))
    }

    fn selection(&self) -> Result<Selection, Refusal> {
        if self.query.select == [Item::Count] {
            return if self.query.group_by.is_empty() {
                Ok(Selection::Count)
            } else {
                Err(Refusal::plain("MALFORMED_QUERY", "Grouped query cannot use COUNT()"))
            };
        }
        let aggregates =
            self.query.select.iter().any(|item| matches!(item, Item::Aggregate { .. }));
        if aggregates || !self.query.group_by.is_empty() { self.groups() } else { self.fields() }
    }

    fn fields(&self) -> Result<Selection, Refusal> {
        let mut fields: Vec<&'static str> = Vec::new();
        for item in &self.query.select {
            match item {
                Item::Field(name) => {
                    let field = self.field(name)?;
                    if fields.contains(&field.name) {
                        let message = format!("duplicate field selected: {}", field.name);
                        return Err(Refusal::plain("INVALID_FIELD", message));
                    }
                    fields.push(field.name);
                }
                Item::Fields(which) => self.whole_set(which, &mut fields)?,
                Item::Count | Item::Aggregate { .. } => {
                    let message = "COUNT() must be the only element in the SELECT list";
                    return Err(Refusal::plain("MALFORMED_QUERY", message));
                }
            }
        }
        Ok(Selection::Fields(fields))
    }

    /// `FIELDS(STANDARD)`, and `FIELDS(ALL)`, which the platform allows only with a small limit.
    fn whole_set(&self, which: &Name, fields: &mut Vec<&'static str>) -> Result<(), Refusal> {
        let bounded = self.query.limit.is_some_and(|limit| limit <= 200);
        match which.text.to_ascii_lowercase().as_str() {
            "all" | "custom" if !bounded => {
                let message = "The SOQL FIELDS function must have a LIMIT of at most 200";
                Err(Refusal::plain("MALFORMED_QUERY", message))
            }
            "all" | "standard" => {
                let names = self.object.own_fields().map(|field| field.name);
                fields.extend(names.filter(|name| !fields.contains(name)).collect::<Vec<_>>());
                Ok(())
            }
            "custom" => Ok(()),
            _ => {
                let message = format!("unexpected token: '{}'", which.text);
                Err(self.refuse("MALFORMED_QUERY", which.at, &message))
            }
        }
    }

    fn groups(&self) -> Result<Selection, Refusal> {
        let mut keys = Vec::new();
        for name in &self.query.group_by {
            let field = self.field(name)?;
            if !field.groupable {
                let message = format!("field '{}' can not be grouped in a query call", field.name);
                return Err(self.refuse("MALFORMED_QUERY", name.at, &message));
            }
            keys.push(field.name);
        }
        let mut outputs = Vec::new();
        let mut unnamed = 0;
        for item in &self.query.select {
            outputs.push(match item {
                Item::Field(name) => {
                    let field = self.field(name)?;
                    if !keys.contains(&field.name) {
                        let message = format!("Field must be grouped or aggregated: {}", name.text);
                        return Err(Refusal::plain("MALFORMED_QUERY", message));
                    }
                    Output { name: field.name.to_owned(), function: None, field: field.name }
                }
                Item::Aggregate { function, field, alias } => {
                    let field = self.field(field)?;
                    let name = alias.clone().unwrap_or_else(|| {
                        unnamed += 1;
                        format!("expr{}", unnamed - 1)
                    });
                    let function = Some(self.function(function, field)?);
                    Output { name, function, field: field.name }
                }
                Item::Count | Item::Fields(_) => {
                    return Err(Refusal::plain(
                        "MALFORMED_QUERY",
                        "Grouped query cannot use COUNT() or FIELDS()",
                    ));
                }
            });
        }
        Ok(Selection::Groups { keys, outputs })
    }

    fn function(&self, name: &Name, field: &Field) -> Result<Function, Refusal> {
        let numeric = matches!(field.kind, Kind::Int | Kind::Double);
        let (function, allowed) = match name.text.to_ascii_lowercase().as_str() {
            "count" => (Function::Count, field.filterable),
            "count_distinct" => (Function::CountDistinct, field.filterable),
            "min" => (Function::Min, field.sortable && field.kind != Kind::Boolean),
            "max" => (Function::Max, field.sortable && field.kind != Kind::Boolean),
            "sum" => (Function::Sum, numeric),
            "avg" => (Function::Avg, numeric),
            _ => {
                let message = format!("unexpected token: '{}'", name.text);
                return Err(self.refuse("MALFORMED_QUERY", name.at, &message));
            }
        };
        if allowed {
            return Ok(function);
        }
        let message = format!(
            "field {} does not support aggregate operator {}",
            field.name,
            name.text.to_uppercase()
        );
        Err(self.refuse("MALFORMED_QUERY", name.at, &message))
    }

    fn order(&self) -> Result<Vec<SortKey>, Refusal> {
        let keys = self.query.order_by.iter().map(|order| {
            let field = self.field(&order.field)?;
            if !field.sortable {
                let message = format!("field '{}' can not be sorted in a query call", field.name);
                return Err(self.refuse("MALFORMED_QUERY", order.field.at, &message));
            }
            let descending = order.descending;
            Ok(SortKey { field: field.name, descending, nulls_last: order.nulls_last })
        });
        keys.collect()
    }

    fn filter(&self, expr: &Expr) -> Result<Filter, Refusal> {
        let many = |parts: &[Expr]| {
            parts.iter().map(|part| self.filter(part)).collect::<Result<Vec<_>, _>>()
        };
        Ok(match expr {
            Expr::All(parts) => Filter::All(many(parts)?),
            Expr::Any(parts) => Filter::Any(many(parts)?),
            Expr::Not(part) => Filter::Not(Box::new(self.filter(part)?)),
            Expr::Compare { field: name, operator, value, at } => {
                let field = self.filterable(name)?;
                Filter::Is {
                    field: field.name,
                    test: self.test(field, name, *operator, value, *at)?,
                }
            }
            Expr::In { field: name, negated, values } => {
                let field = self.filterable(name)?;
                let operands = values.iter().map(|(value, at)| self.operand(field, value, *at));
                let values = operands.collect::<Result<_, _>>()?;
                Filter::In { field: field.name, negated: *negated, values }
            }
        })
    }

    fn filterable(&self, name: &Name) -> Result<&Field, Refusal> {
        let field = self.field(name)?;
        if field.filterable {
            return Ok(field);
        }
        let message = format!("field '{}' can not be filtered in a query call", field.name);
        Err(self.refuse("INVALID_FIELD", name.at, &message))
    }

    fn test(
        &self,
        field: &Field,
        name: &Name,
        operator: Operator,
        value: &Literal,
        at: usize,
    ) -> Result<Test, Refusal> {
        let wrong = |kind: &str| {
            let message = format!("invalid operator on {kind} field");
            Err(self.refuse("INVALID_QUERY_FILTER_OPERATOR", name.at, &message))
        };
        if operator == Operator::Like {
            let Literal::Text(raw) = value else { return Err(self.wrong_type(field, at)) };
            return match field.kind {
                Kind::Text | Kind::Picklist => {
                    Ok(Test::Like(literal::pattern(raw).map_err(|pair| bad_escape(raw, &pair))?))
                }
                kind => wrong(kind.name()),
            };
        }
        let operand = self.operand(field, value, at)?;
        let ordered = !matches!(operator, Operator::Equal | Operator::NotEqual);
        if ordered && field.kind == Kind::Boolean {
            return wrong("boolean");
        }
        Ok(match operator {
            Operator::Equal => Test::Equal(operand),
            Operator::NotEqual => Test::NotEqual(operand),
            Operator::Less => Test::Less(operand),
            Operator::LessOrEqual => Test::LessOrEqual(operand),
            Operator::Greater => Test::Greater(operand),
            Operator::GreaterOrEqual | Operator::Like => Test::GreaterOrEqual(operand),
        })
    }

    fn operand(&self, field: &Field, value: &Literal, at: usize) -> Result<Operand, Refusal> {
        match (field.kind, value) {
            (_, Literal::Null) => Ok(Operand::Null),
            (Kind::Boolean, Literal::Bool(value)) => Ok(Operand::Bool(*value)),
            (Kind::Int | Kind::Double, Literal::Number(value)) => Ok(Operand::Number(*value)),
            (Kind::Time, Literal::Time(time)) => {
                let after = time.checked_add(SignedDuration::from_nanos(1)).unwrap_or(*time);
                Ok(Operand::Time(*time, after))
            }
            (Kind::Time, Literal::Relative(relative)) => {
                let range = literal::range(*relative, self.context);
                let (from, to) = range.ok_or_else(|| self.wrong_type(field, at))?;
                Ok(Operand::Time(from, to))
            }
            (Kind::Id | Kind::Reference, Literal::Text(raw)) => {
                let text = self.string(raw, at)?;
                let id = ids::significant(&text).ok_or_else(|| {
                    let message = format!("invalid ID field: {text}");
                    self.refuse("INVALID_QUERY_FILTER_OPERATOR", at, &message)
                })?;
                Ok(Operand::Id(id.to_owned()))
            }
            (Kind::Text | Kind::Picklist, Literal::Text(raw)) => {
                let text = self.string(raw, at)?;
                Ok(if text.is_empty() { Operand::Null } else { Operand::Text(text.to_lowercase()) })
            }
            _ => Err(self.wrong_type(field, at)),
        }
    }

    fn string(&self, raw: &str, at: usize) -> Result<String, Refusal> {
        let text = literal::unescape(raw).map_err(|pair| bad_escape(raw, &pair))?;
        if text.chars().count() > LONGEST_STRING {
            let message = format!("string literal exceeds {LONGEST_STRING} characters");
            return Err(self.refuse("MALFORMED_QUERY", at, &message));
        }
        Ok(text)
    }

    fn wrong_type(&self, field: &Field, at: usize) -> Refusal {
        let quotes = match field.kind {
            Kind::Text | Kind::Picklist | Kind::Id | Kind::Reference => {
                "should be enclosed in quotes"
            }
            _ => "should not be enclosed in quotes",
        };
        let message = format!(
            "value of filter criterion for field '{}' must be of type {} and {quotes}",
            field.name,
            field.kind.name()
        );
        self.refuse("INVALID_FIELD", at, &message)
    }
}

fn bad_escape(raw: &str, pair: &str) -> Refusal {
    let excerpt: String = raw.chars().take(80).collect();
    let message = format!(
        "Invalid string literal '{excerpt}'. Illegal character sequence '{pair}' in string literal."
    );
    Refusal::plain("MALFORMED_QUERY", message)
}
