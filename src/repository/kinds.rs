//! Where the objects of each kind are.
//!
//! Most rules ask for a handful of kinds; going through every object for each of them would read the whole repository
//! once a rule.

use compact_str::CompactString;
use foldhash::{HashMap, HashMapExt};

use super::{BuiltApp, Repository};
use crate::gitops::Standing;
use crate::kubernetes::Object;

/// An object's position: of its app, and among the app's objects.
type Place = (u32, u32);

/// The places of the objects of each kind, by group and kind, in the order of the apps.
#[derive(Default)]
pub(super) struct Kinds(HashMap<CompactString, Vec<(CompactString, Vec<Place>)>>);

impl Kinds {
    pub(super) fn of(apps: &[BuiltApp]) -> Self {
        let mut kinds: HashMap<CompactString, Vec<(CompactString, Vec<Place>)>> = HashMap::new();
        for (app, at) in apps.iter().zip(0..) {
            for (object, position) in app.objects.iter().zip(0..) {
                let kind = if let Some(groups) = kinds.get_mut(&object.id.kind) {
                    groups
                } else {
                    kinds.entry(object.id.kind.clone()).or_default()
                };
                match kind.iter_mut().find(|(group, _)| *group == object.id.group) {
                    Some((_, places)) => places.push((at, position)),
                    None => kind.push((object.id.group.clone(), vec![(at, position)])),
                }
            }
        }
        kinds.values_mut().flatten().for_each(|(_, places)| places.shrink_to_fit());
        Self(kinds)
    }

    fn places(&self, group: &str, kind: &str) -> &[Place] {
        let groups = self.0.get(kind).map(Vec::as_slice).unwrap_or_default();
        groups.iter().find(|(own, _)| own == group).map(|(_, places)| places.as_slice()).unwrap_or_default()
    }
}

impl Repository {
    /// Every object of a group and kind with its app, in the order of the apps.
    pub fn objects_of(&self, group: &str, kind: &str) -> impl Iterator<Item = (&BuiltApp, &Object)> + Clone {
        self.placed_objects_of(group, kind).map(|(_, app, object)| (app, object))
    }

    /// The same of the apps that are deployed; see [`Self::deployed`].
    pub fn deployed_objects_of(&self, group: &str, kind: &str) -> impl Iterator<Item = (usize, &BuiltApp, &Object)> {
        self.placed_objects_of(group, kind).filter(|(_, app, _)| app.app.standing == Standing::Deployed)
    }

    fn placed_objects_of(&self, group: &str, kind: &str) -> impl Iterator<Item = (usize, &BuiltApp, &Object)> + Clone {
        self.kinds.places(group, kind).iter().filter_map(|(app, object)| {
            let at = *app as usize;
            let app = self.apps.get(at)?;
            Some((at, app, app.objects.get(*object as usize)?))
        })
    }
}
