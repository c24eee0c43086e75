//! Where the Connect page leads to: its own screens.

use crate::pages::screen::{Authority, News};

/// Where a screen of a sitting is loaded from.
pub(super) fn page_address(
    authority: &Authority<'_>,
    show: Option<&str>,
    told: Option<News>,
) -> String {
    let mut parameters = vec![("token", authority.token)];
    let path = match &authority.hosted {
        Some(hosted) => {
            parameters.push(("clientId", &hosted.client_id));
            parameters.push(("callback", &hosted.callback));
            "/connect"
        }
        None => "/",
    };
    parameters.extend(show.map(|show| ("show", show)));
    let told = told.map(News::parameter);
    parameters.extend(told.as_deref().map(|told| ("told", told)));
    let mut text = path.to_owned();
    for (at, (name, value)) in parameters.into_iter().enumerate() {
        text.push(if at == 0 { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        text.extend(percent_encoding::utf8_percent_encode(
            value,
            percent_encoding::NON_ALPHANUMERIC,
        ));
    }
    text
}
