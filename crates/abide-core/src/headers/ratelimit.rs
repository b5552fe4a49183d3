//! Parses `RateLimit` and `RateLimit-Policy` of the IETF drafts 03 to 10 (draft-ietf-httpapi-ratelimit-headers), and values
//! of other fields that follow them. A malformed field is ignored whole, as the drafts demand.

use std::borrow::Cow;
use std::convert::Infallible;
use std::time::Duration;

use sfv::visitor::{DictionaryVisitor, EntryVisitor, InnerListVisitor, ItemVisitor, ListVisitor, ParameterVisitor};
use sfv::{BareItemFromInput, KeyRef, Parser};

use super::few::Few;

/// One member of a list: a limit's name or a bare quota, with what its parameters say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Member<'a> {
    /// The name, in quotation marks or, against the draft but as in its own example, without.
    pub(super) name: Option<Cow<'a, str>>,
    /// The bare integer: a quota in the drafts before 08.
    pub(super) number: Option<u64>,
    /// `q`: the quota.
    pub(super) quota: Option<u64>,
    /// `w`, or `window` as Envoy writes it.
    pub(super) window: Option<Duration>,
    /// `r`: what remains.
    pub(super) remaining: Option<u64>,
    /// `t`: until the reset.
    pub(super) reset: Option<Duration>,
    /// `qu`: what the quota counts.
    pub(super) unit: Option<Cow<'a, str>>,
    /// `pk`: the partition that the quota belongs to.
    pub(super) partition: Option<Vec<u8>>,
}

/// The members of one field. A field of more than eight is read up to the eighth.
pub(super) type Members<'a> = Few<Member<'a>, 8>;

/// Reads a list, as drafts 03 to 06 and 08 to 10 have it.
pub(super) fn list(value: &str) -> Option<Members<'_>> {
    Parser::new(value).parse_list_with_visitor(ListReader::default()).ok().filter(|members| !members.is_empty())
}

/// The dictionary of draft 07: `limit=100, remaining=50, reset=5`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Dictionary {
    pub(super) limit: Option<u64>,
    pub(super) remaining: Option<u64>,
    pub(super) reset: Option<Duration>,
}

/// Reads the dictionary of draft 07; `None` also if none of its keys is there.
pub(super) fn dictionary(value: &str) -> Option<Dictionary> {
    let read = Parser::new(value).parse_dictionary_with_visitor(DictionaryReader::default()).ok()?;
    (read != Dictionary::default()).then_some(read)
}

fn count(value: &BareItemFromInput<'_>) -> Option<u64> {
    match value {
        BareItemFromInput::Integer(number) => u64::try_from(i64::from(*number)).ok(),
        _ => None,
    }
}

fn seconds(value: &BareItemFromInput<'_>) -> Option<Duration> {
    count(value).map(Duration::from_secs)
}

fn text(value: BareItemFromInput<'_>) -> Option<Cow<'_, str>> {
    match value {
        BareItemFromInput::String(Cow::Borrowed(text)) => Some(Cow::Borrowed(text.as_str())),
        BareItemFromInput::String(Cow::Owned(text)) => Some(Cow::Owned(text.into())),
        BareItemFromInput::Token(token) => Some(Cow::Borrowed(token.as_str())),
        _ => None,
    }
}

/// The field holds something that no draft allows there.
#[derive(Debug)]
struct NotALimit;

impl std::fmt::Display for NotALimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an inner list where a limit is expected")
    }
}

impl std::error::Error for NotALimit {}

#[derive(Default)]
struct ListReader<'de> {
    members: Members<'de>,
    /// Where members go for which there is no room.
    surplus: Member<'de>,
}

impl<'de> ListVisitor<'de> for ListReader<'de> {
    type Out = Members<'de>;
    type Error = Infallible;

    fn entry(&mut self) -> Result<impl EntryVisitor<'de>, Infallible> {
        let has_room = self.members.push(Member::default());
        Ok(MemberReader(match self.members.last_mut() {
            Some(last) if has_room => last,
            _ => &mut self.surplus,
        }))
    }

    fn finish(self) -> Result<Members<'de>, Infallible> {
        Ok(self.members)
    }
}

struct MemberReader<'m, 'de>(&'m mut Member<'de>);

impl<'de> EntryVisitor<'de> for MemberReader<'_, 'de> {
    type Error = NotALimit;

    fn item(self) -> Result<impl ItemVisitor<'de>, NotALimit> {
        Ok(self)
    }

    fn inner_list(self) -> Result<impl InnerListVisitor<'de>, NotALimit> {
        Err::<sfv::visitor::Ignored, _>(NotALimit)
    }
}

impl<'de> ItemVisitor<'de> for MemberReader<'_, 'de> {
    type Out = ();
    type Error = Infallible;

    fn bare_item(self, item: BareItemFromInput<'de>) -> Result<impl ParameterVisitor<'de, Out = ()>, Infallible> {
        self.0.number = count(&item);
        self.0.name = text(item);
        Ok(self)
    }
}

impl<'de> ParameterVisitor<'de> for MemberReader<'_, 'de> {
    type Out = ();
    type Error = Infallible;

    fn parameter(&mut self, key: &'de KeyRef, value: BareItemFromInput<'de>) -> Result<(), Infallible> {
        match key.as_str() {
            "q" => self.0.quota = count(&value),
            "w" | "window" => self.0.window = seconds(&value),
            "r" => self.0.remaining = count(&value),
            "t" => self.0.reset = seconds(&value),
            "qu" => self.0.unit = text(value),
            "name" => self.0.name = text(value),
            "pk" => {
                if let BareItemFromInput::ByteSequence(bytes) = value {
                    self.0.partition = Some(bytes);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[derive(Default)]
struct DictionaryReader(Dictionary);

impl<'de> DictionaryVisitor<'de> for DictionaryReader {
    type Out = Dictionary;
    type Error = Infallible;

    fn entry(&mut self, key: &'de KeyRef) -> Result<impl EntryVisitor<'de>, Infallible> {
        Ok(ValueReader(&mut self.0, key.as_str()))
    }

    fn finish(self) -> Result<Dictionary, Infallible> {
        Ok(self.0)
    }
}

struct ValueReader<'d, 'de>(&'d mut Dictionary, &'de str);

impl<'de> EntryVisitor<'de> for ValueReader<'_, 'de> {
    type Error = NotALimit;

    fn item(self) -> Result<impl ItemVisitor<'de>, NotALimit> {
        Ok(self)
    }

    fn inner_list(self) -> Result<impl InnerListVisitor<'de>, NotALimit> {
        Err::<sfv::visitor::Ignored, _>(NotALimit)
    }
}

impl<'de> ItemVisitor<'de> for ValueReader<'_, 'de> {
    type Out = ();
    type Error = Infallible;

    fn bare_item(self, item: BareItemFromInput<'de>) -> Result<impl ParameterVisitor<'de, Out = ()>, Infallible> {
        match self.1 {
            "limit" => self.0.limit = count(&item),
            "remaining" => self.0.remaining = count(&item),
            "reset" => self.0.reset = seconds(&item),
            _ => {}
        }
        Ok(sfv::visitor::Ignored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draft_03_lists_the_limit_and_then_its_policies() {
        let members = list("10, 10;w=1, 1000;w=3600").unwrap();
        assert_eq!(members.iter().map(|member| member.number).collect::<Vec<_>>(), [Some(10), Some(10), Some(1000)]);
        assert_eq!(members[2].window, Some(Duration::from_secs(3600)));
    }

    #[test]
    fn draft_07_is_a_dictionary() {
        let read = dictionary("limit=100, remaining=50, reset=5").unwrap();
        assert_eq!(read, Dictionary { limit: Some(100), remaining: Some(50), reset: Some(Duration::from_secs(5)) });
    }

    #[test]
    fn draft_08_names_its_limits() {
        let members = list("\"a\";r=5;t=30, b;r=0;pk=:cHsdsRa894==:").unwrap();
        assert_eq!((members[0].name.as_deref(), members[0].remaining), (Some("a"), Some(5)));
        assert_eq!((members[1].name.as_deref(), members[1].remaining), (Some("b"), Some(0)));
        assert_eq!(members[1].partition.as_deref(), Some(&[0x70, 0x7b, 0x1d, 0xb1, 0x16, 0xbc, 0xf7][..]));
    }

    #[test]
    fn a_malformed_field_is_ignored_whole() {
        for value in ["\"a\";r=5O;t=30", "\"a;r=5", "\"a\";r=1,,\"b\";r=2", "\"a\";r=1,", "", "(1 2);w=3"] {
            assert_eq!(list(value).map(|members| members.len()), None, "{value}");
        }
        assert_eq!(dictionary("limit=100, remaining=(1 2)"), None);
        assert_eq!(dictionary("limit=100, remaining = 50"), None);
        assert_eq!(dictionary("default;r=50;t=30"), None);
    }

    #[test]
    fn a_parameter_of_the_wrong_type_is_absent() {
        let members = list("\"a\";r=1.5;t=30").unwrap();
        assert_eq!((members[0].remaining, members[0].reset), (None, Some(Duration::from_secs(30))));
    }
}
