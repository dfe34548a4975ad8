import { expiryFindings } from "../cms/expiry.ts";
import { subjectName } from "../cms/subject.ts";
import { finding } from "../findings.ts";
import type { Finding } from "../inspection.ts";
import type { CodeReport } from "./inspect-code.ts";
import { coversBundle, type Profile } from "./profile.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** How long before its end a profile is warned of. */
const EXPIRING_MS = 30 * DAY_MS;
const SHOWN = 5;

export interface ProfileContext {
  readonly bundleId: string | null;
  readonly code: CodeReport | null;
  readonly isMac: boolean;
  readonly nowMs: number;
  /** The profile's path. */
  readonly where: string;
}

/** What is to be said about a profile and the app it is in. */
export function profileFindings(profile: Profile, context: ProfileContext): Finding[] {
  return [
    ...signatureFindings(profile, context),
    ...lifetimeFindings(profile, context),
    ...appFindings(profile, context),
  ];
}

function signatureFindings(
  { problem, isTrusted, chain }: Profile,
  { nowMs, where }: ProfileContext,
): Finding[] {
  if (problem !== null) {
    const message = `The provisioning profile's signature does not verify. ${problem}`;
    return [finding("validation.profile_invalid", message, { problem }, where)];
  }
  const [certificate] = chain;
  if (certificate === undefined) return [];
  if (isTrusted) return expiryFindings(certificate, nowMs, where);
  const message = `The provisioning profile was signed by ${subjectName(certificate)}, whose certificate Apple did not issue: devices refuse it.`;
  return [finding("validation.signer_not_apple", message, undefined, where)];
}

function lifetimeFindings({ expiresAt, name }: Profile, { nowMs, where }: ProfileContext): Finding[] {
  if (expiresAt === null || expiresAt.getTime() > nowMs + EXPIRING_MS) return [];
  const day = expiresAt.toISOString().slice(0, 10);
  const details = { expires_at: expiresAt.toISOString(), name };
  return expiresAt.getTime() <= nowMs
    ? [
        finding(
          "validation.profile_expired",
          `The provisioning profile expired on ${day}: the app neither installs nor starts.`,
          details,
          where,
        ),
      ]
    : [
        finding(
          "validation.profile_expiring",
          `The provisioning profile expires on ${day}; the app does not start after that.`,
          details,
          where,
        ),
      ];
}

function appFindings(profile: Profile, { bundleId, code, isMac, where }: ProfileContext): Finding[] {
  const findings: Finding[] = [];
  if (bundleId !== null && !coversBundle(profile, bundleId)) {
    const message = `The provisioning profile is for ${profile.applicationId ?? "no app"}, and the app is ${bundleId}.`;
    const details = { application_id: profile.applicationId, bundle_id: bundleId };
    findings.push(finding("validation.profile_mismatch", message, details, where));
  }
  const signer = code?.programs.find((program) => program.signer !== null)?.signer;
  if (!signer?.certificate) return findings;
  const { certificate, team } = signer;
  if (team !== null && !profile.teams.includes(team)) {
    const message = `The provisioning profile is team ${profile.teams[0] ?? "nobody"}'s, and the app is signed by team ${team}.`;
    findings.push(finding("validation.profile_mismatch", message, { teams: profile.teams, team }, where));
  }
  if (!profile.developerCertificates.some((der) => der.equals(certificate.raw))) {
    const message = `The app is signed with the certificate of ${subjectName(certificate)}, which is not one of the ${profile.developerCertificates.length} in its provisioning profile: devices refuse it.`;
    const sha256 = certificate.fingerprint256.replaceAll(":", "").toLowerCase();
    findings.push(finding("validation.certificate_not_in_profile", message, { sha256 }, where));
  }
  // On computers most entitlements need no profile.
  const claimed = isMac ? [] : [...(code?.entitlements?.keys() ?? [])];
  const beyond = claimed.filter((key) => !profile.entitlements.has(key));
  if (beyond.length > 0) {
    const message = `The app claims what its provisioning profile does not give: ${beyond.slice(0, SHOWN).join(", ")}.`;
    findings.push(
      finding("validation.entitlements_not_in_profile", message, { keys: beyond.slice(0, 20) }, where),
    );
  }
  return findings;
}
