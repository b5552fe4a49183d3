//! Reads the rows of a file, CSV with a heading or NDJSON, to ask for a URL each.

use std::path::Path;

use abide_core::json::Json;

use super::pattern::{Pattern, text_of};

/// The URL for each row of a file, in its order.
///
/// # Errors
///
/// With the file and the row, if it can't be read, or a row lacks a value.
pub(super) fn urls(from: &Path, pattern: &Pattern) -> Result<Vec<Box<str>>, String> {
    let name = from.display();
    let text = std::fs::read_to_string(from).map_err(|e| format!("the rows in {name} can't be read: {e}"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let ending = from.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let urls: Vec<Box<str>> = match ending {
        "csv" => of_csv(text, pattern),
        "ndjson" | "jsonl" => of_ndjson(text, pattern),
        _ => Err("rows are read from NAME.csv, with a heading, or from NAME.ndjson".to_owned()),
    }
    .map_err(|e| format!("{name}: {e}"))?;
    if urls.is_empty() { Err(format!("there is no row in {name}")) } else { Ok(urls) }
}

fn of_ndjson(text: &str, pattern: &Pattern) -> Result<Vec<Box<str>>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let url = |(number, line): (usize, &str)| {
        let json = Json::parse(line.as_bytes()).map_err(|e| format!("line {} is not JSON: {e}", number + 1))?;
        let url = pattern.fill(|path| path.find(&json).and_then(text_of));
        url.map(|url| Box::from(url.as_str())).map_err(|e| format!("line {}: {e}", number + 1))
    };
    lines.map(url).collect()
}

fn of_csv(text: &str, pattern: &Pattern) -> Result<Vec<Box<str>>, String> {
    let mut records = records(text)?.into_iter();
    let Some(heading) = records.next() else { return Ok(Vec::new()) };
    if let Some(missing) = pattern.places().find(|place| !heading.contains(&place.to_string())) {
        return Err(format!("its heading has no column '{missing}'; it has: {}", heading.join(", ")));
    }
    let url = |(index, row): (usize, Vec<String>)| {
        let value = |name: &str| heading.iter().position(|known| known == name).and_then(|at| row.get(at).cloned());
        let url = pattern.fill(|path| value(&path.to_string()));
        url.map(|url| Box::from(url.as_str())).map_err(|e| format!("row {}: {e}", index + 1))
    };
    records.enumerate().map(url).collect()
}

/// The records of a CSV file (RFC 4180); empty lines are none.
fn records(text: &str) -> Result<Vec<Vec<String>>, String> {
    let mut records = Vec::new();
    let (mut record, mut field, mut was_quoted) = (Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if field.is_empty() && !was_quoted => {
                was_quoted = true;
                loop {
                    match chars.next() {
                        Some('"') if chars.next_if_eq(&'"').is_none() => break,
                        Some(c) => field.push(c),
                        None => return Err(format!("record {} lacks a closing quote", records.len() + 1)),
                    }
                }
            }
            ',' => {
                record.push(std::mem::take(&mut field));
                was_quoted = false;
            }
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' => {
                if !record.is_empty() || !field.is_empty() || was_quoted {
                    record.push(std::mem::take(&mut field));
                    records.push(std::mem::take(&mut record));
                }
                was_quoted = false;
            }
            other => field.push(other),
        }
    }
    if !record.is_empty() || !field.is_empty() || was_quoted {
        record.push(field);
        records.push(record);
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_commas_line_ends_and_quotes() {
        let records = records("id,name\r\n1,\"a, \"\"b\"\"\nc\"\n\n\"\",2").unwrap();
        assert_eq!(records, [["id", "name"], ["1", "a, \"b\"\nc"], ["", "2"]]);
        assert!(super::records("a\n\"b").unwrap_err().contains("record 2"));
    }

    #[test]
    fn each_row_has_its_url() {
        let pattern = Pattern::read("https://x.test/{id}", None).unwrap();
        let all = ["https://x.test/1".into(), "https://x.test/a%20b".into()];
        let (csv, ndjson) = (|text| of_csv(text, &pattern), |text| of_ndjson(text, &pattern));
        assert_eq!(csv("n,id\nx,1\ny,a b\n").unwrap(), all);
        assert_eq!(ndjson("{\"id\":1}\n\n{\"id\":\"a b\"}").unwrap(), all);
        assert!(csv("n\n1").unwrap_err().contains("no column 'id'; it has: n"));
        assert!(csv("id\n1\n\"\"").unwrap_err().contains("row 2"));
        assert!(ndjson("{\"id\":1}\n{}").unwrap_err().contains("line 2"));
    }
}
