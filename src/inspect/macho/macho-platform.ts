/** <mach-o/loader.h>, PLATFORM_*: the names in settings and messages. */
const platformNames: ReadonlyMap<number, string> = new Map([
  [1, "macOS"],
  [2, "iOS"],
  [3, "tvOS"],
  [4, "watchOS"],
  [5, "bridgeOS"],
  [6, "Mac Catalyst"],
  [7, "iOS Simulator"],
  [8, "tvOS Simulator"],
  [9, "watchOS Simulator"],
  [10, "DriverKit"],
  [11, "visionOS"],
  [12, "visionOS Simulator"],
]);

/** The commands that came before LC_BUILD_VERSION, one for each platform. */
const minimumCommands: ReadonlyMap<number, string> = new Map([
  [0x24, "macOS"],
  [0x25, "iOS"],
  [0x2f, "tvOS"],
  [0x30, "watchOS"],
]);

export const LC_BUILD_VERSION = 0x32;

export function platformName(number: number): string {
  return platformNames.get(number) ?? `platform ${number}`;
}

/** The platform of a command of the kind LC_VERSION_MIN_…; undefined for others. */
export function minimumPlatform(command: number): string | undefined {
  return minimumCommands.get(command);
}

/** <mach-o/loader.h>: "X.Y.Z is encoded in nibbles xxxx.yy.zz". The last part is left out when it is zero. */
export function versionText(version: number): string {
  const [major, minor, patch] = [version >>> 16, (version >>> 8) & 0xff, version & 0xff];
  return patch === 0 ? `${major}.${minor}` : `${major}.${minor}.${patch}`;
}
