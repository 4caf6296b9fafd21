//! Messages against their published numbers, and that nothing of a document is left out.

use expect_test::expect;
use serde_json::json;

use super::messages::OPERATION;
use super::*;
use crate::kinds;
use crate::openapi::v2;
use crate::schema::Descriptions;

/// The next whole number.
fn number(rest: &mut &[u8]) -> u64 {
    let end = rest.iter().position(|byte| *byte < 0x80).unwrap();
    let (bytes, tail) = rest.split_at(end + 1);
    *rest = tail;
    bytes.iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f))
}

/// A message as text, `NUMBER:VALUE` each; a value in braces when it reads as a message itself.
fn told(message: &[u8]) -> Option<String> {
    let mut rest = message;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let key = rest.iter().any(|byte| *byte < 0x80).then(|| number(&mut rest))?;
        let value = rest.iter().any(|byte| *byte < 0x80).then(|| number(&mut rest))?;
        let value = match key & 7 {
            0 => value.to_string(),
            2 => {
                let (content, tail) = rest.split_at_checked(usize::try_from(value).ok()?)?;
                rest = tail;
                let text = std::str::from_utf8(content).ok().filter(|text| text.chars().all(|one| !one.is_control()));
                text.map(|text| format!("{text:?}")).or_else(|| told(content).map(|inner| format!("{{{inner}}}")))?
            }
            _ => return None,
        };
        parts.push(format!("{}:{value}", key >> 3));
    }
    Some(parts.join(" "))
}

#[test]
fn messages_have_the_published_numbers() {
    let schema = json!({"type": "object", "description": "d", "required": ["a"], "properties": {"a": {"$ref": "#/x"}},
        "x-kubernetes-y": [{"k": "v"}], "additionalProperties": {"type": "string"}, "items": {"format": "f"}});
    expect![[r##"21:{1:{22:{1:"string"}}} 4:"d" 23:{1:{2:"f"}} 25:{1:{1:"a" 2:{1:"#/x"}}} 19:"a" 22:{1:"object"} 31:{1:"x-kubernetes-y" 2:{2:"[{\"k\":\"v\"}]"}}"##]].assert_eq(&told(&SCHEMA.write_value(&schema)).unwrap());
    let operation = json!({"operationId": "o", "parameters": [{"name": "dryRun", "in": "query", "uniqueItems": true},
        {"name": "body", "in": "body", "schema": {"$ref": "r"}}, {"name": "name", "in": "path", "required": true}],
        "responses": {"200": {"description": "OK", "schema": {"$ref": "r"}}}});
    expect![[r#"5:"o" 8:{1:{2:{3:{2:"query" 4:"dryRun" 20:1}}}} 8:{1:{1:{3:"body" 2:"body" 5:{1:"r"}}}} 8:{1:{2:{4:{2:"path" 4:"name" 1:1}}}} 9:{1:{1:"200" 2:{1:{1:"OK"} 1:{2:{1:{1:"r"}}}}}}"#]].assert_eq(&told(&OPERATION.write_value(&operation)).unwrap());
}

/// Names in a value of a message that the message does not know.
fn unknown(message: &Message, value: &Value, found: &mut Vec<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        match message.fields.iter().find(|field| field.0 == name).map(|field| &field.2) {
            None if name.starts_with("x-") && message.extensions > 0 => {}
            None => found.push(name.clone()),
            Some(Form::One(inner)) => unknown(inner, value, found),
            Some(Form::Many(inner)) => value.as_array().unwrap().iter().for_each(|one| unknown(inner, one, found)),
            Some(Form::Named(inner)) => value.as_object().unwrap().values().for_each(|one| unknown(inner, one, found)),
            Some(Form::Parameters) => value.as_array().unwrap().iter().for_each(|one| {
                let message = match one["in"].as_str().unwrap() {
                    "body" => &BODY,
                    "path" => &IN_PATH,
                    _ => &IN_QUERY,
                };
                unknown(message, one, found);
            }),
            Some(_) => {}
        }
    }
}

#[test]
fn nothing_of_a_document_is_left_out() {
    let kinds: Vec<_> = kinds::all().iter().collect();
    let document: Value = serde_json::from_slice(&v2::json(&kinds, &Descriptions::unpack().unwrap())).unwrap();
    let mut found = Vec::new();
    let each = |name: &str| document[name].as_object().unwrap().values();
    each("paths").for_each(|item| unknown(&PATH_ITEM, item, &mut found));
    each("definitions").for_each(|schema| unknown(&SCHEMA, schema, &mut found));
    assert_eq!(found, [] as [String; 0]);
}
