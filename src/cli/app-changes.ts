import type { AppChanges } from "../registry/records/apps.ts";
import type { InputOf, Pair } from "./command.ts";
import { given } from "./given.ts";
import { onePerKey } from "./pairs.ts";
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
    ...(bundleIds.length > 0 && { bundle_ids: emptyAsNull(onePerKey("--bundle-id", bundleIds)) }),
    ...(options.pin.length > 0 && { pin: grouped(options.pin) }),
    ...(options.unpin.length > 0 && { unpin: options.unpin }),
    ...given("signer_pinning", options.signerPinning),
    ...given("reason", options.reason),
    ...given("retention_keep", options.retentionKeep),
    ...given("retention_class", options.retentionClass),
  };
}

/** An empty value takes the entry away. */
function emptyAsNull(values: Readonly<Record<string, string>>): Record<string, string | null> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, value === "" ? null : value]));
}

function grouped(pairs: readonly Pair[]): Record<string, string[]> {
  const values = new Map<string, string[]>();
  for (const [key, value] of pairs) values.set(key, [...(values.get(key) ?? []), value]);
  return Object.fromEntries(values);
}
