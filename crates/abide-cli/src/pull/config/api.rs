//! `[api]`: where the API is, and who asks. Secrets are named by where they are, and a literal one is refused.

use url::Url;

use super::section::Section;
use crate::args::PullArgs;
use crate::exit::Result;
use crate::pull::urls;
use crate::secret::{ApiKey, Basic, Netrc, OAuth, Source, Text};

/// What is not the business of the flags.
#[derive(Debug, Default)]
pub(super) struct Api {
    pub(super) base: Option<Url>,
}

/// Names of fields and query keys that hold secrets, as letters alone.
const SECRETS: [&str; 12] = [
    "authorization",
    "cookie",
    "apikey",
    "accesstoken",
    "authtoken",
    "token",
    "clientsecret",
    "secret",
    "password",
    "passwd",
    "signature",
    "credential",
];

/// Whether a value of this name is a secret; of header fields also where the word is a part of the name.
pub(super) fn is_secret(name: &str, is_field: bool) -> bool {
    let letters: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    SECRETS.iter().any(|secret| letters == *secret || is_field && letters.contains(secret))
}

pub(super) fn read(api: &Section<'_>, args: &mut PullArgs) -> Result<Api> {
    let base = match api.text("base")? {
        Some(text) => {
            let base = urls::parse(text).map_err(|e| api.error("base", e))?;
            if !base.username().is_empty() || base.password().is_some() {
                return Err(api.error("base", "user and password do not belong here; use auth = { basic = … }"));
            }
            if base.query().is_some() || base.fragment().is_some() {
                return Err(api.error("base", "paths come behind it, so it can't have a query or a fragment"));
            }
            Some(base)
        }
        None => None,
    };
    for (name, text) in api.map("headers")? {
        match text.parse::<Text>() {
            Ok(Text::Literal(_)) if is_secret(name, true) => {
                return Err(api.error(
                    "headers",
                    format!(
                        "the value of {name} is a secret, and a secret is not written into the file; say where it is: \
                             env:NAME, file:PATH or cmd:COMMAND"
                    ),
                ));
            }
            Ok(value) => args.common.more.fields.push((name.to_owned(), value)),
            Err(why) => return Err(api.error("headers", format!("{name}: {why}"))),
        }
    }
    if let Some(auth) = api.section("auth")? {
        self::auth(&auth, args)?;
    }
    Ok(Api { base })
}

/// Flags come first, so what they say is not replaced.
fn auth(auth: &Section<'_>, args: &mut PullArgs) -> Result<()> {
    let ways = ["bearer", "basic", "oauth2", "netrc"].into_iter().filter(|way| auth.has(way)).collect::<Vec<_>>();
    if let [first, second, ..] = ways.as_slice() {
        return Err(auth.error(second, format!("it does not go with {first}: a request has one Authorization")));
    }
    let common = &mut args.common;
    let is_given = common.bearer.is_some() || common.basic.is_some();
    let bearers: Vec<Source> = auth.read_all("bearer")?;
    let basic = match auth.section_if_table("basic")? {
        Some(table) => {
            let (user, password) = (table.text("user")?, table.read::<Source>("password")?);
            let (Some(user), Some(password)) = (user, password) else {
                return Err(auth.error("basic", "user and password are needed"));
            };
            Some(Basic { user: user.to_owned(), password })
        }
        None => auth.read::<Basic>("basic")?,
    };
    let oauth2 = auth.section("oauth2")?.map(|oauth2| self::oauth2(&oauth2)).transpose()?;
    let netrc = match (auth.flag("netrc"), auth.has("netrc")) {
        (Ok(Some(true)), _) => Some(Netrc::Usual),
        (Ok(_), _) => None,
        (Err(_), _) => auth.text("netrc")?.map(|path| Netrc::File(path.into())),
    };
    if !is_given {
        common.basic = basic;
        (common.more.bearers, common.more.oauth2, common.more.netrc) = (bearers, oauth2, netrc);
    }
    for (place, source) in auth.map("api_key")? {
        let key: ApiKey = format!("{place}={source}").parse().map_err(|e| auth.error("api_key", e))?;
        if !common.api_key.iter().any(|known| known.place == key.place) {
            common.api_key.push(key);
        }
    }
    Ok(())
}

fn oauth2(oauth2: &Section<'_>) -> Result<OAuth> {
    let needed = |key: &str| oauth2.fault(format!("{key} is needed"));
    let url = oauth2.text("token_url")?.ok_or_else(|| needed("token_url"))?;
    urls::parse(url).map_err(|e| oauth2.error("token_url", e))?;
    let mut parameters = Vec::new();
    parameters.extend(oauth2.text("scope")?.map(|scope| ("scope".to_owned(), Text::Literal(scope.to_owned()))));
    for (name, text) in oauth2.map("parameters")? {
        let value = text.parse().map_err(|why: String| oauth2.error("parameters", why))?;
        if matches!(value, Text::Literal(_)) && is_secret(name, false) {
            return Err(oauth2.error(
                "parameters",
                format!("{name} is a secret; say where it is: env:NAME, file:PATH or cmd:COMMAND"),
            ));
        }
        parameters.push((name.to_owned(), value));
    }
    Ok(OAuth {
        url: url.to_owned(),
        id: oauth2.read::<Text>("id")?.ok_or_else(|| needed("id"))?,
        secret: oauth2.read::<Source>("secret")?,
        refresh: oauth2.read::<Source>("refresh_token")?,
        parameters,
        in_body: oauth2.flag("secret_in_body")?.unwrap_or_default(),
    })
}
