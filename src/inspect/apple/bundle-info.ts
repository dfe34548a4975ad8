import { dictAt, isDict, listAt, type PlistDict, textAt, textsAt } from "./plist-value.ts";

/** People read no more of a list. */
const MAX_LISTED = 100;
const MAX_REASON_LENGTH = 300;

/** UIDeviceFamily, after "Information Property List" in Apple's documentation. */
const families: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [1, "iPhone"],
  [2, "iPad"],
  [3, "Apple TV"],
  [4, "Apple Watch"],
  [6, "Mac"],
  [7, "Apple Vision"],
]);

/** What Info.plist says about a bundle. */
export interface BundleInfo {
  readonly id: string | null;
  readonly version: string | null;
  readonly build: string | null;
  readonly label: string | null;
  /** The main program's name. */
  readonly executable: string | null;
  /** "iOS 15.0", "macOS 12.0" */
  readonly minOs: string | null;
}

export function bundleInfo(info: PlistDict): BundleInfo {
  const [ios, macos] = [textAt(info, "MinimumOSVersion"), textAt(info, "LSMinimumSystemVersion")];
  return {
    id: textAt(info, "CFBundleIdentifier"),
    version: textAt(info, "CFBundleShortVersionString") ?? textAt(info, "CFBundleVersion"),
    build: textAt(info, "CFBundleVersion"),
    label: textAt(info, "CFBundleDisplayName") ?? textAt(info, "CFBundleName"),
    executable: textAt(info, "CFBundleExecutable"),
    minOs: ios !== null ? `${systemName(info)} ${ios}` : macos !== null ? `macOS ${macos}` : null,
  };
}

/** CFBundleSupportedPlatforms has the names that Xcode gives to its development kits. */
function systemName(info: PlistDict): string {
  const names = new Map([
    ["AppleTVOS", "tvOS"],
    ["WatchOS", "watchOS"],
    ["XROS", "visionOS"],
    ["MacOSX", "macOS"],
  ]);
  return names.get(textsAt(info, "CFBundleSupportedPlatforms")[0] ?? "") ?? "iOS";
}

/** The facts that only Info.plist has. */
export function bundleInfoFacts(info: PlistDict): Record<string, unknown> {
  const reasons = [...info].flatMap(([key, value]) =>
    /^NS\w+UsageDescription$/.test(key) && typeof value === "string" ? [[key, value] as const] : [],
  );
  return {
    device_families: listAt(info, "UIDeviceFamily").flatMap((family) => families.get(Number(family)) ?? []),
    required_capabilities: capabilities(info).slice(0, MAX_LISTED),
    url_schemes: listAt(info, "CFBundleURLTypes")
      .flatMap((type) => (isDict(type) ? textsAt(type, "CFBundleURLSchemes") : []))
      .slice(0, MAX_LISTED),
    permissions: reasons.map(([key]) => key).slice(0, MAX_LISTED),
    permission_reasons: Object.fromEntries(
      reasons.slice(0, MAX_LISTED).map(([key, reason]) => [key, reason.slice(0, MAX_REASON_LENGTH)]),
    ),
    background_modes: textsAt(info, "UIBackgroundModes").slice(0, MAX_LISTED),
  };
}

/** A list, or a dictionary that says of each whether a device has to have it. */
function capabilities(info: PlistDict): string[] {
  const wanted = dictAt(info, "UIRequiredDeviceCapabilities");
  if (wanted.size === 0) return textsAt(info, "UIRequiredDeviceCapabilities");
  return [...wanted].flatMap(([name, isWanted]) => (isWanted === true ? [name] : []));
}
