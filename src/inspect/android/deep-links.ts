import type { ManifestElement } from "./manifest-tree.ts";
import { type Resources, resolveText } from "./resources.ts";

/** As many as a person looks at. Every scheme of a filter goes with every host of it: a small file could name millions. */
const MAX_LINKS = 100;

/**
 * The links that open an app's activities: `https://example.org` for a filter with hosts, `acme:` for one without. The data elements of
 * a filter belong together, as Android matches them: each scheme goes with each host.
 */
export function deepLinks(application: ManifestElement, resources: Resources | undefined): string[] {
  const links = new Set<string>();
  for (const activity of application.children) {
    if (activity.name !== "activity" && activity.name !== "activity-alias") continue;
    for (const filter of activity.children) {
      if (filter.name !== "intent-filter") continue;
      for (const link of filterLinks(filter, resources)) {
        if (links.size === MAX_LINKS) return [...links];
        links.add(link);
      }
    }
  }
  return [...links];
}

function* filterLinks(filter: ManifestElement, resources: Resources | undefined): Generator<string> {
  const data = filter.children.filter(({ name }) => name === "data");
  const texts = (attribute: string) => [
    ...new Set(data.flatMap(({ attributes }) => resolveText(attributes.get(attribute), resources) ?? [])),
  ];
  const hosts = texts("android:host");
  for (const scheme of texts("android:scheme")) {
    if (hosts.length === 0) yield `${scheme}:`;
    for (const host of hosts) yield `${scheme}://${host}`;
  }
}
