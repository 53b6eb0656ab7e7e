//! The code of a login is exchanged for an ID token (OpenID Connect Core, section 3.1.3), by the service itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use super::provider::KeysError;
use super::{Endpoints, Oidc, Person, keys, text};
use crate::layer::Refusal;

/// The portal, as the provider knows it.
pub(crate) struct Client {
    pub(crate) id: String,
    /// `None` for a public client.
    pub(crate) secret: Option<String>,
    /// Where people are sent back to.
    pub(crate) redirect: String,
}

/// Why a login ended without a person.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CodeError {
    #[error("the identity provider could not be asked")]
    Provider(#[from] KeysError),
    #[error("the identity provider announces no {0}")]
    Missing(&'static str),
    #[error("the identity provider refuses the code: `{0}`")]
    Refused(String),
    #[error("the identity provider does not know the portal: `{0}`")]
    Client(String),
    #[error("the ID token is not valid: {0}")]
    Token(&'static str),
    #[error("the identity provider does not answer")]
    Unavailable,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    #[serde(default)]
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct Failure {
    error: String,
}

impl Oidc {
    /// The person who logged in, if the code is one of the login with this verifier and nonce.
    pub(crate) async fn exchange(
        &self,
        client: &Client,
        code: &str,
        verifier: &str,
        nonce: &str,
    ) -> Result<Person, CodeError> {
        let endpoints = self.endpoints().await.map_err(|_| CodeError::Unavailable)?;
        let tokens = self.tokens(client, &endpoints, code, verifier).await?;
        let mut claims =
            self.claims(&tokens.id_token, &client.id, &["jwt"]).await.map_err(|refusal| match refusal {
                Refusal::Credentials(reason) => CodeError::Token(reason),
                _ => CodeError::Unavailable,
            })?;
        if text(&claims, "nonce") != Some(nonce) {
            return Err(CodeError::Token("it is of another login"));
        }
        // A token for several must name the one that it was given to (OpenID Connect Core, section 3.1.3.7).
        let several = claims.get("aud").is_some_and(|aud| aud.as_array().is_some_and(|list| list.len() > 1));
        match text(&claims, "azp") {
            Some(party) if party != client.id => {
                return Err(CodeError::Token("it was given to another party"));
            }
            None if several => return Err(CodeError::Token("it does not name whom it was given to")),
            _ => {}
        }
        let lacks = text(&claims, &self.subject_claim).is_none() || self.groups_of(&claims).is_none();
        if let (true, Some(url), Some(access)) = (lacks, &endpoints.userinfo_endpoint, &tokens.access_token) {
            self.complete(&mut claims, url, access).await?;
        }
        self.person(&claims).map_err(|refusal| match refusal {
            Refusal::Credentials(reason) => CodeError::Token(reason),
            _ => CodeError::Unavailable,
        })
    }

    async fn tokens(
        &self,
        client: &Client,
        endpoints: &Endpoints,
        code: &str,
        verifier: &str,
    ) -> Result<Tokens, CodeError> {
        let url = endpoints.token_endpoint.as_ref().ok_or(CodeError::Missing("token endpoint"))?;
        let request = self.question(client, endpoints, url, code, verifier);
        let (status, body) = keys::read(request, url).await?;
        match status {
            200 => serde_json::from_slice(&body)
                .map_err(|source| KeysError::Form { url: url.to_string(), source }.into()),
            400 | 401 => {
                let word = |failure: Failure| {
                    failure.error.chars().take(80).flat_map(char::escape_default).collect()
                };
                let error: String = serde_json::from_slice(&body).map(word).unwrap_or_default();
                // What the person can do nothing about is told apart from a code that is spent.
                Err(match error.as_str() {
                    "invalid_grant" => CodeError::Refused(error),
                    _ => CodeError::Client(error),
                })
            }
            status => Err(KeysError::Status { url: url.to_string(), status }.into()),
        }
    }

    /// What is sent for the tokens.
    fn question(
        &self,
        client: &Client,
        endpoints: &Endpoints,
        url: &Url,
        code: &str,
        verifier: &str,
    ) -> reqwest::RequestBuilder {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &client.redirect)
            .append_pair("code_verifier", verifier);
        let mut request = self.keys.http().post(url.clone()).header(ACCEPT, "application/json");
        let methods = &endpoints.token_endpoint_auth_methods_supported;
        let basic = methods.is_empty() || methods.iter().any(|method| method == "client_secret_basic");
        match &client.secret {
            Some(secret) if basic => {
                // Both are encoded before they are put together (RFC 6749, section 2.3.1).
                let encode =
                    |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                let pair = STANDARD.encode(format!("{}:{}", encode(&client.id), encode(secret)));
                request = request.header(AUTHORIZATION, format!("Basic {pair}"));
            }
            Some(secret) => {
                form.append_pair("client_id", &client.id).append_pair("client_secret", secret);
            }
            None => {
                form.append_pair("client_id", &client.id);
            }
        }
        request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.finish())
    }

    /// Takes over what the ID token does not tell (OpenID Connect Core, section 5.3).
    async fn complete(
        &self,
        claims: &mut Map<String, Value>,
        url: &Url,
        access: &str,
    ) -> Result<(), CodeError> {
        let bearer = format!("Bearer {access}");
        let request = self.keys.http().get(url.clone()).header(ACCEPT, "application/json");
        let (status, body) = keys::read(request.header(AUTHORIZATION, bearer), url).await?;
        if status != 200 {
            return Err(KeysError::Status { url: url.to_string(), status }.into());
        }
        let told: Map<String, Value> = serde_json::from_slice(&body)
            .map_err(|source| KeysError::Form { url: url.to_string(), source })?;
        // Another person's answer must not be taken for this one's.
        if text(&told, "sub").is_none() || text(&told, "sub") != text(claims, "sub") {
            return Err(CodeError::Token("what the provider tells beside it is of another person"));
        }
        for (name, value) in told {
            claims.entry(name).or_insert(value);
        }
        Ok(())
    }
}
