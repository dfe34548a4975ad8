import type { X509Certificate } from "node:crypto";

import { readSignedData } from "../cms/signed-data.ts";
import { UnreadableError } from "../unreadable.ts";
import { leadsTo, type TrustedRoots } from "./apple-roots.ts";
import { readPlistDict } from "./plist.ts";
import { dateAt, dictAt, listAt, type PlistDict, textAt, textsAt } from "./plist-value.ts";

/** Real ones have some ten KiB; one with a thousand devices has a hundred. */
export const MAX_PROFILE_BYTES = 4 * 1024 * 1024;
/** Apple registers a hundred of each kind a year. */
const MAX_DEVICES = 100;

/** Who may install the app that carries the profile. */
export type ProfileKind = "development" | "ad_hoc" | "enterprise" | "app_store";

/** A provisioning profile: what Apple lets a team's app do, and where. */
export interface Profile {
  readonly kind: ProfileKind;
  readonly name: string | null;
  readonly uuid: string | null;
  readonly teams: readonly string[];
  readonly teamName: string | null;
  readonly platforms: readonly string[];
  /** The app it is for, with the team's prefix: `TEAM.com.acme.app`, or `TEAM.com.acme.*`. */
  readonly applicationId: string | null;
  readonly createdAt: Date | null;
  readonly expiresAt: Date | null;
  readonly devices: readonly string[];
  readonly entitlements: PlistDict;
  /** DER of the certificates that an app with this profile may be signed with. */
  readonly developerCertificates: readonly Buffer[];
  /** Who signed the profile, the certificate first. */
  readonly chain: readonly X509Certificate[];
  /** Why its signature does not hold; null when it does. */
  readonly problem: string | null;
  /** True when the signature leads to one of the roots. */
  readonly isTrusted: boolean;
}

/** Reads a profile: a property list in a signed message, whose signature is verified. Throws `UnreadableError`. */
export async function readProfile(bytes: Buffer, roots: TrustedRoots, where: string): Promise<Profile> {
  const { content, signers } = await readSignedData(bytes);
  if (content === null) throw new UnreadableError("damaged", `${where} holds no profile.`, where);
  const profile = readPlistDict(content, where);
  const [signer] = signers;
  const entitlements = dictAt(profile, "Entitlements");
  return {
    kind: profileKind(profile, entitlements),
    name: textAt(profile, "Name"),
    uuid: textAt(profile, "UUID"),
    teams: textsAt(profile, "TeamIdentifier"),
    teamName: textAt(profile, "TeamName"),
    platforms: textsAt(profile, "Platform"),
    applicationId:
      textAt(entitlements, "application-identifier") ??
      textAt(entitlements, "com.apple.application-identifier"),
    createdAt: dateAt(profile, "CreationDate"),
    expiresAt: dateAt(profile, "ExpirationDate"),
    devices: textsAt(profile, "ProvisionedDevices"),
    entitlements,
    developerCertificates: listAt(profile, "DeveloperCertificates").filter((value) => Buffer.isBuffer(value)),
    chain: signer?.chain ?? [],
    problem: signer === undefined ? "Nobody has signed it." : signer.problem,
    isTrusted: signer !== undefined && leadsTo(roots, signer.chain),
  };
}

function profileKind(profile: PlistDict, entitlements: PlistDict): ProfileKind {
  if (profile.get("ProvisionsAllDevices") === true) return "enterprise";
  if (!profile.has("ProvisionedDevices")) return "app_store";
  const isDebuggable =
    entitlements.get("get-task-allow") === true ||
    entitlements.get("com.apple.security.get-task-allow") === true;
  return isDebuggable ? "development" : "ad_hoc";
}

/** True when the profile is for the app with this id. Its own id begins with the team's prefix and may end in `*`. */
export function coversBundle({ applicationId }: Profile, bundleId: string): boolean {
  if (applicationId === null) return false;
  const pattern = applicationId.slice(applicationId.indexOf(".") + 1);
  return pattern.endsWith("*") ? bundleId.startsWith(pattern.slice(0, -1)) : bundleId === pattern;
}

/** The facts `profile` and `devices`. */
export function profileFacts(profile: Profile): Record<string, unknown> {
  return {
    profile: {
      kind: profile.kind,
      name: profile.name,
      uuid: profile.uuid,
      team: profile.teams[0] ?? null,
      team_name: profile.teamName,
      platforms: profile.platforms,
      application_id: profile.applicationId,
      created_at: profile.createdAt?.toISOString() ?? null,
      expires_at: profile.expiresAt?.toISOString() ?? null,
      device_count: profile.devices.length,
      certificate_count: profile.developerCertificates.length,
      entitlements: [...profile.entitlements.keys()].slice(0, 100),
      verified: profile.problem === null && profile.isTrusted,
    },
    devices: profile.devices.slice(0, MAX_DEVICES),
  };
}
