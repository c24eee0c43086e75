//! Which application asks, and where: its client id, its client secret and its hosts come as one set, from one place.
//!
//! A place that says a part of it and leaves the rest to another one would have one application's secret go with the id of
//! another, or to a host that is none of its own. Nobody can tell from the values which of them belong together, so that is
//! refused. An option stands for itself: whoever types it means it. The app key opens as much as the secret does, and goes to
//! the host of the data API: where it is one of a variable, that host is none of a profile's.

use super::found::{Found, Origin, Place, SECRET, SecretPlace, Sourced, is_set, named, variable};
use crate::exit::{Code, Failure};
use crate::setting::{Secret, Setting};

/// A part of the set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Id,
    Secret,
    Hosts,
    /// The app key, which stands beside the set and need not be there.
    Key,
}

impl Part {
    /// What the set consists of.
    const ALL: [Self; 3] = [Self::Id, Self::Secret, Self::Hosts];

    const fn name(self) -> &'static str {
        match self {
            Self::Id => "client id",
            Self::Secret => "client secret",
            Self::Hosts => "host",
            Self::Key => Secret::AppKey.name(),
        }
    }

    const fn variable(self) -> &'static str {
        match self {
            Self::Id => "HUMANAPI_CLIENT_ID",
            Self::Secret => SECRET,
            Self::Hosts => "HUMANAPI_BASE_URL",
            Self::Key => Secret::AppKey.variable(),
        }
    }

    /// The settings that say it; what says where the secret is, is no text.
    const fn settings(self) -> &'static [Setting] {
        match self {
            Self::Id => &[Setting::ClientId],
            Self::Secret | Self::Key => &[],
            Self::Hosts => &[
                Setting::BaseUrl,
                Setting::AuthUrl,
                Setting::AdminUrl,
                Setting::DataUrl,
            ],
        }
    }
}

/// Where the set comes from.
pub(super) struct Application {
    /// The place, and what says a part of it there.
    place: Option<(Place, Origin)>,
}

impl Application {
    /// The first place that says any part of it says all of it.
    pub(super) fn find(found: &Found<'_>, order: [Place; 2]) -> Result<Self, Failure> {
        let mut places = order.into_iter();
        let says = |place| (Part::ALL.into_iter()).find_map(|part| found.says(place, part));
        let Some((place, beside)) = places.find_map(|place| Some((place, says(place)?))) else {
            return Ok(Self { place: None });
        };
        let other = match place {
            Place::Profile => Place::Environment,
            Place::Environment => Place::Profile,
        };
        for part in Part::ALL {
            if found.option_says(part) || found.says(place, part).is_some() {
                continue;
            }
            // A profile that was named and names no host is one of production, whatever the shell was set up for.
            let is_production =
                part == Part::Hosts && place == Place::Profile && order[0] == Place::Profile;
            if let (Some(from), false) = (found.says(other, part), is_production) {
                return Err(found.mixed(place, part, &beside, &from));
            }
        }
        found.check_id(place)?;
        found.check_secret(place)?;
        Ok(Self {
            place: Some((place, beside)),
        })
    }

    /// Where to look for its parts.
    pub(super) fn places(&self) -> &[Place] {
        self.place
            .as_ref()
            .map_or(&[], |(place, _)| std::slice::from_ref(place))
    }

    /// Where the app key is, if anything says so. It is of the same application as the rest: where variables say who asks,
    /// a profile's is refused; where a profile does, its own counts first.
    pub(super) fn app_key(
        &self,
        found: &Found<'_>,
        order: &[Place; 2],
    ) -> Result<Option<Sourced<SecretPlace>>, Failure> {
        let find = |places| found.place_of(Secret::AppKey, places);
        match &self.place {
            None => Ok(find(order)),
            Some((Place::Profile, _)) => Ok(find(&[Place::Profile, Place::Environment])),
            Some((place @ Place::Environment, beside)) => {
                let own = find(&[*place]);
                match found.place_of_profile(Secret::AppKey) {
                    Some(other) if own.is_none() => {
                        Err(found.mixed(*place, Part::Key, beside, &other.from))
                    }
                    _ => Ok(own),
                }
            }
        }
    }

    /// Where to look for the provisioning, which belongs to it but opens nothing: a variable for all applications will do,
    /// and another application's profile will not.
    pub(super) const fn places_of_provisioning<'a>(&self, order: &'a [Place; 2]) -> &'a [Place] {
        match (&self.place, order) {
            (Some((Place::Environment, _)), [Place::Environment, _]) => order.split_at(1).0,
            _ => order,
        }
    }
}

impl Found<'_> {
    /// Where a place says this part, if it does.
    fn says(&self, place: Place, part: Part) -> Option<Origin> {
        let mut settings = part.settings().iter().copied();
        match (place, part) {
            (Place::Environment, Part::Secret) => {
                let is_own = !self.is_secret_of_profile();
                (is_own && is_set(SECRET)).then_some(Origin::Variable(SECRET))
            }
            (Place::Profile, Part::Secret) => self
                .place_of_profile(Secret::Client)
                .map(|secret| secret.from),
            (Place::Environment, _) => settings
                .filter_map(named)
                .find(|name| is_set(name))
                .map(Origin::Variable),
            (Place::Profile, _) => {
                settings.find_map(|setting| Some(self.of_profile(setting)?.from))
            }
        }
    }

    /// Whether the profile takes the usual variable for its own, and no other application's id stands beside that.
    fn is_secret_of_profile(&self) -> bool {
        self.claims_variable() && !is_set(Part::Id.variable())
    }

    /// Whether the profile says that the usual variable is its own.
    fn claims_variable(&self) -> bool {
        let is_it =
            |place: &SecretPlace| matches!(place, SecretPlace::Variable(name) if name == SECRET);
        self.place_of_profile(Secret::Client)
            .is_some_and(|secret| is_it(&secret.value))
    }

    /// Whether an option says this part. The secret goes to the token service, so its host decides.
    fn option_says(&self, part: Part) -> bool {
        match part {
            Part::Id => self.option(Setting::ClientId).is_some(),
            Part::Secret => self.args.secret_file.is_some(),
            Part::Hosts => self.args.base_url.is_some() || self.args.auth_url.is_some(),
            Part::Key => false,
        }
    }

    /// Refuses the secret of one id for another that an option names.
    fn check_id(&self, place: Place) -> Result<(), Failure> {
        let Some(id) = self.option(Setting::ClientId) else {
            return Ok(());
        };
        let (own, secret) = (
            self.at(place, Setting::ClientId)?,
            self.says(place, Part::Secret),
        );
        match (own, secret) {
            (Some(own), Some(secret))
                if own.value != id.value && !self.option_says(Part::Secret) =>
            {
                Err(Failure::new(
                    Code::Usage,
                    format!(
                        "the client secret of {secret} belongs to another client id than that of --client-id"
                    ),
                    "name its own secret by --secret-file, or choose its profile by --profile",
                ))
            }
            _ => Ok(()),
        }
    }

    /// Refuses the secret of the usual variable for a profile's id, where the variable beside it names another one.
    fn check_secret(&self, place: Place) -> Result<(), Failure> {
        if place != Place::Profile || self.option_says(Part::Secret) || !self.claims_variable() {
            return Ok(());
        }
        let Some(beside) = variable(Part::Id.variable())? else {
            return Ok(());
        };
        let id = self.text(&[place], Setting::ClientId)?;
        let Some(Sourced { from, .. }) = id.filter(|id| id.value != beside.value) else {
            return Ok(());
        };
        Err(Failure::new(
            Code::Usage,
            format!(
                "the client secret of {SECRET} belongs to another client id than that of {from}: {} names it",
                beside.from
            ),
            format!(
                "name its own secret by --secret-file, or unset {} if the secret is this one's",
                beside.from
            ),
        ))
    }

    /// What somebody is told whose place says a part and leaves this one to another place.
    fn mixed(&self, place: Place, part: Part, beside: &Origin, from: &Origin) -> Failure {
        let profile = self.profile.map_or("NAME", |(name, _)| name);
        let remedy = match (place, part) {
            (Place::Environment, _) => format!(
                "set {} too, or choose all of the profile by --profile {profile}, or unset {beside}",
                part.variable()
            ),
            (Place::Profile, Part::Secret) => format!(
                "`humanapi config set --profile {profile} secret_variable {SECRET}` says that it is this profile's; or use --secret-file"
            ),
            // The one that is left: a profile that was named is asked for its hosts alone.
            (Place::Profile, _) => format!(
                "`humanapi config set --profile {profile} client_id ID` keeps the right one; or use --client-id"
            ),
        };
        Failure::new(Code::Usage, mixed_parts(part, beside, from), remedy)
    }
}

/// Refuses the app key of a variable for a host that a profile names.
#[cfg(feature = "data")]
pub(super) fn check_app_key(key: &Origin, host: &Origin) -> Result<(), Failure> {
    let (Origin::Variable(_), Origin::Profile { .. }) = (key, host) else {
        return Ok(());
    };
    let remedy = "use --app-key-file for a key of this host's, or say by --data-url which host the key is of";
    Err(Failure::new(
        Code::Usage,
        mixed_parts(Part::Hosts, key, host),
        remedy,
    ))
}

/// What is wrong where a part may be another application's.
fn mixed_parts(part: Part, beside: &Origin, from: &Origin) -> String {
    let what = part.name();
    format!(
        "the {what} is missing beside {beside}, and that of {from} may be another application's"
    )
}
