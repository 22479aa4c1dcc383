//! A Salesforce project: components in package directories, and a manifest for each directory.

use std::collections::BTreeMap;

use serde_json::json;

use super::settings::Plan;
use super::xml::document;

/// Files of a kit by their path below its folder.
pub(super) type Files = BTreeMap<String, String>;

/// Where a type of component lives: its name, folder and suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind(&'static str, &'static str, &'static str);

pub(super) const APP: Kind = Kind("ExternalClientApplication", "externalClientApps", "eca");
pub(super) const GLOBAL_OAUTH: Kind =
    Kind("ExtlClntAppGlobalOauthSettings", "extlClntAppGlobalOauthSets", "ecaGlblOauth");
pub(super) const OAUTH: Kind =
    Kind("ExtlClntAppOauthSettings", "extlClntAppOauthSettings", "ecaOauth");
pub(super) const OAUTH_POLICIES: Kind =
    Kind("ExtlClntAppOauthConfigurablePolicies", "extlClntAppOauthPolicies", "ecaOauthPlcy");
pub(super) const POLICIES: Kind =
    Kind("ExtlClntAppConfigurablePolicies", "extlClntAppPolicies", "ecaPlcy");
pub(super) const CONNECTED_APP: Kind = Kind("ConnectedApp", "connectedApps", "connectedApp");
pub(super) const PERMISSION_SET: Kind = Kind("PermissionSet", "permissionsets", "permissionset");
pub(super) const PROFILE: Kind = Kind("Profile", "profiles", "profile");
pub(super) const SETTINGS: Kind = Kind("Settings", "settings", "settings");

/// The package directory that may be kept and shared.
pub(super) const MAIN: &str = "force-app";
/// The package directory of the app's OAuth settings, which Salesforce calls sensitive.
pub(super) const SENSITIVE: &str = "oauth-app";

/// A project being put together.
#[derive(Debug)]
pub(super) struct Project<'a> {
    /// Its folder in the kit.
    folder: &'static str,
    plan: &'a Plan,
    /// Package directory, kind and name of each component, with its content.
    components: Vec<(&'static str, Kind, String, String)>,
}

impl<'a> Project<'a> {
    pub(super) fn new(folder: &'static str, plan: &'a Plan) -> Self {
        Self { folder, plan, components: Vec::new() }
    }

    pub(super) fn add(&mut self, kind: Kind, name: impl Into<String>, text: String) {
        self.components.push((MAIN, kind, name.into(), text));
    }

    pub(super) fn add_sensitive(&mut self, kind: Kind, name: impl Into<String>, text: String) {
        self.components.push((SENSITIVE, kind, name.into(), text));
    }

    /// Writes the project's files.
    pub(super) fn write(self, files: &mut Files) {
        let mut directories: Vec<&str> =
            self.components.iter().map(|component| component.0).collect();
        directories.sort_unstable();
        directories.dedup();
        for directory in &directories {
            let manifest = match *directory {
                MAIN => "package",
                other => other,
            };
            let path = format!("{}/manifest/{manifest}.xml", self.folder);
            files.insert(path, self.manifest(directory));
        }
        let listed: Vec<_> = directories
            .iter()
            .map(|path| match *path {
                MAIN => json!({ "path": path, "default": true }),
                other => json!({ "path": other }),
            })
            .collect();
        let project = json!({
            "name": self.plan.name,
            "namespace": "",
            "packageDirectories": listed,
            "sourceApiVersion": self.plan.version(),
        });
        files.insert(format!("{}/sfdx-project.json", self.folder), format!("{project:#}\n"));
        for (directory, Kind(_, place, suffix), name, text) in self.components {
            let path = format!(
                "{}/{directory}/main/default/{place}/{name}.{suffix}-meta.xml",
                self.folder
            );
            files.insert(path, text);
        }
    }

    /// The manifest of a package directory.
    fn manifest(&self, directory: &str) -> String {
        let mut types: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (place, Kind(kind, ..), name, _) in &self.components {
            if *place == directory {
                types.entry(kind).or_default().push(name);
            }
        }
        document("Package", |xml| {
            for (kind, mut names) in types {
                names.sort_unstable();
                xml.branch("types", |xml| {
                    for name in names {
                        xml.leaf("members", name);
                    }
                    xml.leaf("name", kind);
                });
            }
            xml.leaf("version", self.plan.version());
        })
    }
}
