//! The grammar of a label selector's text.

use std::collections::BTreeSet;

use super::label::{BadLabelSelector, LabelSelector, Operator, Requirement};
use super::lexer::{Lexer, Token};
use crate::name;

/// Reads a whole selector.
pub(super) fn selector(text: &str) -> Result<LabelSelector, BadLabelSelector> {
    let mut lexer = Lexer::new(text);
    let mut requirements = Vec::new();
    match lexer.peek() {
        Token::End => return Ok(LabelSelector::default()),
        Token::Word(_) | Token::Sign("!") => {}
        Token::Sign(sign) => {
            return Err(BadLabelSelector(format!("found '{sign}', expected: !, identifier, or 'end of string'")));
        }
    }
    loop {
        let one = requirement(&mut lexer)
            .map_err(|BadLabelSelector(why)| BadLabelSelector(format!("unable to parse requirement: {why}")))?;
        requirements.push(one);
        match lexer.next() {
            Token::End => return Ok(LabelSelector { requirements }),
            Token::Sign(",") => {}
            other => {
                let found = other.text();
                return Err(BadLabelSelector(format!("found '{found}', expected: ',' or 'end of string'")));
            }
        }
        if !matches!(lexer.peek(), Token::Word(_) | Token::Sign("!")) {
            let found = lexer.peek().text().to_owned();
            return Err(BadLabelSelector(format!("found '{found}', expected: identifier after ','")));
        }
    }
}

fn requirement(lexer: &mut Lexer<'_>) -> Result<Requirement, BadLabelSelector> {
    let absent = lexer.peek() == Token::Sign("!");
    if absent {
        lexer.next();
    }
    let key = match lexer.next() {
        Token::Word(key) => key.to_owned(),
        other => return Err(BadLabelSelector(format!("found '{}', expected: identifier", other.text()))),
    };
    // Kubernetes looks at the key before it knows where in which field it stands.
    checked_key("<nil>", &key)?;
    if absent {
        return Ok(Requirement { key, operator: Operator::DoesNotExist });
    }
    if matches!(lexer.peek(), Token::End | Token::Sign(",")) {
        return Ok(Requirement { key, operator: Operator::Exists });
    }
    let operator = match lexer.next() {
        Token::Word("in") => Operator::In(set(lexer, &key)?),
        Token::Word("notin") => Operator::NotIn(set(lexer, &key)?),
        Token::Sign("=" | "==") => Operator::In([exact(lexer, &key)?].into()),
        Token::Sign("!=") => Operator::NotIn([exact(lexer, &key)?].into()),
        Token::Sign(">") => Operator::Greater(number(lexer)?),
        Token::Sign("<") => Operator::Less(number(lexer)?),
        other => {
            let expected = "in, notin, =, ==, !=, gt, lt";
            return Err(BadLabelSelector(format!("found '{}', expected: {expected}", other.text())));
        }
    };
    Ok(Requirement { key, operator })
}

/// One value, which may be empty.
fn exact(lexer: &mut Lexer<'_>, key: &str) -> Result<String, BadLabelSelector> {
    match lexer.peek() {
        Token::End | Token::Sign(",") => Ok(String::new()),
        Token::Word(word) => {
            lexer.next();
            checked([word.to_owned()].into(), key)?;
            Ok(word.to_owned())
        }
        Token::Sign(sign) => Err(BadLabelSelector(format!("found '{sign}', expected: identifier"))),
    }
}

fn number(lexer: &mut Lexer<'_>) -> Result<i64, BadLabelSelector> {
    let text = lexer.next().text().to_owned();
    let why = "for 'Gt', 'Lt' operators, the value must be an integer";
    text.parse().map_err(|_| BadLabelSelector(format!("values[0]: Invalid value: \"{text}\": {why}")))
}

/// Values between parentheses; two commas side by side mean an empty value.
fn set(lexer: &mut Lexer<'_>, key: &str) -> Result<BTreeSet<String>, BadLabelSelector> {
    match lexer.next() {
        Token::Sign("(") => {}
        other => return Err(BadLabelSelector(format!("found '{}' expected: '('", other.text()))),
    }
    let mut values = BTreeSet::new();
    loop {
        match lexer.next() {
            Token::Word(word) => {
                values.insert(word.to_owned());
                match lexer.next() {
                    Token::Sign(",") if lexer.peek() == Token::Sign(")") => {
                        values.insert(String::new());
                    }
                    Token::Sign(",") => {}
                    Token::Sign(")") => return checked(values, key),
                    other => return Err(BadLabelSelector(format!("found '{}', expected: ',' or ')'", other.text()))),
                }
            }
            Token::Sign(",") => {
                values.insert(String::new());
            }
            Token::Sign(")") => {
                values.extend(values.is_empty().then(String::new));
                return checked(values, key);
            }
            other => {
                return Err(BadLabelSelector(format!("found '{}', expected: ',', ')' or identifier", other.text())));
            }
        }
    }
}

/// Refuses what can be no key of a label; `place` is where it stands.
pub(super) fn checked_key(place: &str, key: &str) -> Result<(), BadLabelSelector> {
    let wrong = name::qualified(key);
    let told = || BadLabelSelector(format!("{place}: Invalid value: \"{key}\": {}", wrong.join("; ")));
    if wrong.is_empty() { Ok(()) } else { Err(told()) }
}

/// The values, when each can be a label's value; Kubernetes counts them in their order and tells of all that cannot.
pub(super) fn checked(values: BTreeSet<String>, key: &str) -> Result<BTreeSet<String>, BadLabelSelector> {
    let wrong = values.iter().enumerate().filter_map(|(at, value)| {
        let why = name::label_value(value).join("; ");
        (!why.is_empty()).then(|| format!("values[{at}][{key}]: Invalid value: {value:?}: {why}"))
    });
    let wrong: Vec<String> = wrong.collect();
    match wrong.as_slice() {
        [] => Ok(values),
        [one] => Err(BadLabelSelector(one.clone())),
        several => Err(BadLabelSelector(format!("[{}]", several.join(", ")))),
    }
}
