import type { AppChanges } from "../registry/records.ts";
import type { InputOf, Pair } from "./command.ts";
import { cliErrors } from "./errors.ts";
import type { appSet } from "./specs/app.ts";

/** The settings that the options of `app create` and `app set` give; what is not given is absent. */
export function appChanges(options: InputOf<typeof appSet>["options"]): AppChanges {
  const bundleIds = [
    ...options.bundleId,
    ...(options.iosBundleId === undefined ? [] : [["ios", options.iosBundleId] as const]),
  ];
  return {
    ...given("display_name", options.displayName),
    ...given("owner", options.owner),
    ...given("visibility", options.visibility),
    ...given(
      "allowed_platforms",
      options.platforms?.split(",").map((platform) => platform.trim()),
    ),
    ...given("ios_mode", options.iosMode),
    ...given("testflight_url", options.testflightUrl),
    ...(bundleIds.length > 0 && { bundle_ids: onePerKey("--bundle-id", bundleIds) }),
    ...(options.pin.length > 0 && { pin: grouped(options.pin) }),
    ...(options.unpin.length > 0 && { unpin: options.unpin }),
    ...given("retention_keep", options.retentionKeep),
    ...given("retention_class", options.retentionClass),
  };
}

function given<K extends string, T>(key: K, value: T | undefined): { [P in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: T });
}

/** An empty value takes the entry away. */
function onePerKey(flag: string, pairs: readonly Pair[]): Record<string, string | null> {
  const values = new Map<string, string | null>();
  for (const [key, value] of pairs) {
    if (values.has(key)) {
      throw cliErrors.error("usage.conflicting_options", `${flag} is given twice for ${key}.`);
    }
    values.set(key, value === "" ? null : value);
  }
  return Object.fromEntries(values);
}

function grouped(pairs: readonly Pair[]): Record<string, string[]> {
  const values = new Map<string, string[]>();
  for (const [key, value] of pairs) values.set(key, [...(values.get(key) ?? []), value]);
  return Object.fromEntries(values);
}
