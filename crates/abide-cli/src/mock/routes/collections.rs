//! Makes up the records of jsonplaceholder's six collections: its numbers and its shapes, filled with text of our own.

use std::ops::Range;

use serde::Serialize;

/// A collection, named as its path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Collection {
    Posts,
    Comments,
    Albums,
    Photos,
    Todos,
    Users,
}

pub(super) const ALL: [Collection; 6] = [
    Collection::Posts,
    Collection::Comments,
    Collection::Albums,
    Collection::Photos,
    Collection::Todos,
    Collection::Users,
];

impl Collection {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Posts => "posts",
            Self::Comments => "comments",
            Self::Albums => "albums",
            Self::Photos => "photos",
            Self::Todos => "todos",
            Self::Users => "users",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|collection| collection.name() == name)
    }

    /// How many records it holds. They are numbered from 1.
    pub(super) fn len(self) -> u64 {
        match self {
            Self::Users => 10,
            Self::Posts | Self::Albums => 100,
            Self::Todos => 200,
            Self::Comments => 500,
            Self::Photos => 5_000,
        }
    }

    pub(super) fn contains(self, id: u64) -> bool {
        (1..=self.len()).contains(&id)
    }

    /// The collection that these records belong to, and the field that says to which record of it.
    pub(super) fn parent(self) -> Option<(Self, &'static str)> {
        match self {
            Self::Users => None,
            Self::Posts | Self::Albums | Self::Todos => Some((Self::Users, "userId")),
            Self::Comments => Some((Self::Posts, "postId")),
            Self::Photos => Some((Self::Albums, "albumId")),
        }
    }

    /// The numbers of the records that belong to a parent, which are as many for each.
    pub(super) fn children(self, parent: Self, id: u64) -> Range<u64> {
        let each = self.len() / parent.len();
        if parent.contains(id) { (id - 1) * each + 1..id * each + 1 } else { 0..0 }
    }

    fn parent_of(self, id: u64) -> u64 {
        let parents = self.parent().map_or(1, |(parent, _)| parent.len());
        (id - 1) / (self.len() / parents) + 1
    }

    /// The record of this number, from 1 on.
    pub(super) fn record(self, id: u64) -> Record {
        let parent = self.parent_of(id);
        match self {
            Self::Posts => Record::Post {
                user_id: parent,
                id,
                title: words(id, 4),
                body: format!("{}\n{}", words(id + 1, 9), words(id + 2, 7)),
            },
            Self::Comments => {
                Record::Comment { post_id: parent, id, name: words(id, 5), email: email(id), body: words(id + 3, 12) }
            }
            Self::Albums => Record::Album { user_id: parent, id, title: words(id, 3) },
            Self::Photos => {
                // A colour for each picture, as the pictures of the original are plain squares.
                let colour = id * 2_654_435_761 % 0x100_0000;
                let url = |size| format!("https://via.placeholder.com/{size}/{colour:06x}");
                Record::Photo { album_id: parent, id, title: words(id, 4), url: url(600), thumbnail_url: url(150) }
            }
            Self::Todos => Record::Todo { user_id: parent, id, title: words(id, 4), completed: !id.is_multiple_of(3) },
            Self::Users => Record::User(Box::new(user(id))),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub(super) enum Record {
    Post { user_id: u64, id: u64, title: String, body: String },
    Comment { post_id: u64, id: u64, name: String, email: String, body: String },
    Album { user_id: u64, id: u64, title: String },
    Photo { album_id: u64, id: u64, title: String, url: String, thumbnail_url: String },
    Todo { user_id: u64, id: u64, title: String, completed: bool },
    User(Box<User>),
}

#[derive(Debug, Serialize)]
pub(super) struct User {
    id: u64,
    name: String,
    username: &'static str,
    email: String,
    address: Address,
    phone: String,
    website: String,
    company: Company,
}

#[derive(Debug, Serialize)]
struct Address {
    street: String,
    suite: String,
    city: &'static str,
    zipcode: String,
    geo: Geo,
}

#[derive(Debug, Serialize)]
struct Geo {
    lat: String,
    lng: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Company {
    name: String,
    catch_phrase: String,
    bs: String,
}

const PEOPLE: [(&str, &str); 10] = [
    ("Ada", "Okafor"),
    ("Bruno", "Lindqvist"),
    ("Chiara", "Novak"),
    ("Deniz", "Moreau"),
    ("Emeka", "Sato"),
    ("Freya", "Castillo"),
    ("Goran", "Haddad"),
    ("Hana", "Kowalski"),
    ("Ivo", "Fernandes"),
    ("Jun", "Oduya"),
];

const CITIES: [&str; 5] = ["Lakemouth", "North Quarry", "Sandhaven", "Old Ferry", "Birchfield"];

fn user(id: u64) -> User {
    let (first, last) = PEOPLE[((id - 1) % 10) as usize];
    User {
        id,
        name: format!("{first} {last}"),
        username: first,
        email: format!("{first}.{last}@mail.example"),
        address: Address {
            street: format!("{last} Road"),
            suite: format!("Apt. {}", 100 + id * 37),
            city: CITIES[(id % 5) as usize],
            zipcode: format!("{:05}-{:04}", id * 7_919 % 100_000, id * 613),
            geo: Geo { lat: format!("{}.{:04}", id * 8, id * 421), lng: format!("-{}.{:04}", id * 17, id * 733) },
        },
        phone: format!("1-555-{:03}-{:04} x{}", 100 + id * 3, id * 911, id * 11),
        website: format!("{}.example", last.to_lowercase()),
        company: Company {
            name: format!("{last}-{}", CITIES[(id % 5) as usize]),
            catch_phrase: words(id, 3),
            bs: words(id + 5, 3),
        },
    }
}

fn email(n: u64) -> String {
    let (first, last) = PEOPLE[(n * 7 % 10) as usize];
    format!("{first}.{last}{n}@mail.example")
}

/// So many words, always the same ones for the same seed.
fn words(seed: u64, count: u64) -> String {
    const WORDS: [&str; 32] = [
        "river", "stone", "lamp", "window", "quiet", "early", "train", "paper", "garden", "north", "copper", "bread",
        "letter", "winter", "bridge", "green", "market", "hollow", "candle", "signal", "harbour", "silver", "yellow",
        "branch", "morning", "kettle", "road", "velvet", "island", "meadow", "anchor", "thread",
    ];
    let mut text = String::with_capacity(8 * count as usize);
    for n in 0..count {
        if n > 0 {
            text.push(' ');
        }
        // An odd step goes through all of the words before one comes again.
        text.push_str(WORDS[((seed * 13 + n * (seed % 16 * 2 + 1)) % 32) as usize]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_record_belongs_to_the_parent_that_lists_it() {
        for collection in ALL {
            let Some((parent, _)) = collection.parent() else { continue };
            let mut listed = Vec::new();
            for id in 1..=parent.len() {
                let children = collection.children(parent, id);
                assert!(children.clone().all(|child| collection.parent_of(child) == id), "{collection:?}");
                listed.extend(children);
            }
            assert_eq!(listed, (1..=collection.len()).collect::<Vec<_>>());
            assert!(
                collection.children(parent, 0).is_empty() && collection.children(parent, parent.len() + 1).is_empty()
            );
        }
    }

    #[test]
    fn records_have_the_fields_of_the_original_in_its_order() {
        let fields = |collection: Collection| {
            let text = serde_json::to_string(&collection.record(1)).unwrap();
            let keys = text.split('"').collect::<Vec<_>>();
            keys.windows(2).filter(|pair| pair[1].starts_with(':')).map(|pair| pair[0].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(fields(Collection::Posts), ["userId", "id", "title", "body"]);
        assert_eq!(fields(Collection::Comments), ["postId", "id", "name", "email", "body"]);
        assert_eq!(fields(Collection::Albums), ["userId", "id", "title"]);
        assert_eq!(fields(Collection::Photos), ["albumId", "id", "title", "url", "thumbnailUrl"]);
        assert_eq!(fields(Collection::Todos), ["userId", "id", "title", "completed"]);
        let user = "id name username email address street suite city zipcode geo lat lng phone website company name \
                    catchPhrase bs";
        assert_eq!(fields(Collection::Users).join(" "), user);
    }
}
