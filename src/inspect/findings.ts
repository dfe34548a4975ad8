import type { Finding, Severity } from "./inspection.ts";

/** What the reference says about one finding code. */
export interface FindingDefinition {
  readonly severity: Severity;
  /** The sentence the generated reference prints. */
  readonly about: string;
}

/** Every code that inspection can report. `error` blocks publication, `warning` and `info` do not. */
export const findingCodes = {
  "validation.empty_file": { severity: "error", about: "The file has no bytes." },
  "validation.extension_unknown": {
    severity: "error",
    about: "The filename's extension belongs to no format that artifacts can have.",
  },
  "validation.extension_mismatch": {
    severity: "error",
    about: "The filename's extension does not fit the platform or the declared format.",
  },
  "validation.platform_format_mismatch": {
    severity: "error",
    about: "The declared format is not one of the platform's.",
  },
  "validation.content_type_not_allowed": {
    severity: "error",
    about:
      "The declared content type is neither application/octet-stream nor one that the format has. A type that a browser would show or run is never stored.",
  },
  "validation.content_mismatch": {
    severity: "error",
    about: "The bytes are not what the format's files begin (or, for a disk image, end) with.",
  },
  "validation.arch_mismatch": {
    severity: "error",
    about: "The declared architecture contradicts the one in the file.",
  },
  "validation.truncated": {
    severity: "error",
    about:
      "The file begins as its format does and ends before what it announces: an upload or a build that was cut off.",
  },
  "validation.damaged": {
    severity: "warning",
    about: "A part of the file contradicts itself or is not what its format says, and could not be read.",
  },
  "validation.unreadable": {
    severity: "error",
    about:
      "The part of the file that says where all others are, such as an archive's directory, contradicts itself: nothing that opens the file finds what is in it.",
  },
  "validation.limit": {
    severity: "warning",
    about:
      "A part of the file asks for more memory, depth or entries than inspection gives, and was not read.",
  },
  "validation.unsupported": {
    severity: "info",
    about: "A part of the file is in a form that inspection does not read.",
  },
  "validation.inspection_timeout": {
    severity: "error",
    about: "Looking inside the file took longer than any sound file of its size needs.",
  },
  "validation.inspection_crashed": {
    severity: "error",
    about: "Looking inside the file stopped the inspector: by its memory, or by a fault in it.",
  },
  "validation.facts_left_out": {
    severity: "info",
    about: "The file holds more facts than are kept; the finding names those that were left out.",
  },
  "validation.zip_duplicate_name": {
    severity: "error",
    about:
      "A name stands twice in the archive: what is checked and what is installed may be different entries.",
  },
  "validation.zip_unsafe_name": {
    severity: "error",
    about: "The archive has a name that leads out of the folder it is unpacked into.",
  },
  "validation.zip_overlap": {
    severity: "error",
    about: "Entries of the archive share the same bytes.",
  },
  "validation.zip_bomb": {
    severity: "error",
    about: "The archive unpacks to so much more than its size that whoever opens it fills the disk.",
  },
  "validation.zip_header_mismatch": {
    severity: "error",
    about: "An entry's own header names something else than the archive's directory does.",
  },
  "validation.version_differs": {
    severity: "warning",
    about: "The release is declared as another version than the file says.",
  },
  "validation.build_differs": {
    severity: "warning",
    about: "The release is declared as another build than the file says.",
  },
  "validation.bundle_id_mismatch": {
    severity: "error",
    about: "The app has another bundle identifier or package name on this platform.",
  },
  "validation.signer_changed": {
    severity: "error",
    about: "The file is signed by somebody else than the app pins, or by nobody.",
  },
  "validation.signer_unproven": {
    severity: "warning",
    about: "The file names the signer that the app pins, but its signature cannot be verified here.",
  },
  "validation.signer_unread": {
    severity: "warning",
    about: "The app pins who may sign for this platform, and nothing read who signed this file.",
  },
  "validation.authenticode_invalid": {
    severity: "error",
    about:
      "The file carries an Authenticode signature that does not hold: the file was changed after it was signed, or the signature is broken. Windows says so to whoever opens it.",
  },
  "validation.authenticode_unsigned_data": {
    severity: "warning",
    about:
      "The place of the Authenticode signature holds bytes that nothing signs. Installers carry marks there; so does malware.",
  },
  "validation.block_map_mismatch": {
    severity: "error",
    about:
      "A file in the app package is not the one that its block map lists, or stands in only one of both; Windows does not install it.",
  },
  "validation.publisher_mismatch": {
    severity: "warning",
    about:
      "The app package names another publisher than the subject of the certificate that signed it; Windows does not install it.",
  },
  "validation.authenticode_weak_digest": {
    severity: "warning",
    about: "The file is signed by way of MD5 or SHA-1 only, which Windows no longer takes for downloads.",
  },
  "validation.certificate_purpose": {
    severity: "warning",
    about: "The signature's certificate is not for signing code.",
  },
  "validation.certificate_self_signed": {
    severity: "warning",
    about: "The signature's certificate is signed by itself, so that nobody vouches for the signer.",
  },
  "validation.certificate_expired": {
    severity: "warning",
    about: "A certificate that the file is signed with has expired.",
  },
  "validation.certificate_expiring": {
    severity: "warning",
    about: "A certificate that the file is signed with expires within 30 days.",
  },
  "validation.certificate_not_yet_valid": {
    severity: "warning",
    about: "A certificate that the file is signed with is good only from a later day on.",
  },
  "validation.timestamp_invalid": {
    severity: "error",
    about: "The signature carries a timestamp that does not hold.",
  },
  "validation.timestamp_missing": {
    severity: "info",
    about: "The signature has no timestamp, so that it ends with its certificate.",
  },
  "validation.dmg_checksum_mismatch": {
    severity: "error",
    about: "A checksum of the disk image is not that of its bytes.",
  },
  "validation.dmg_app_unread": {
    severity: "info",
    about: "The disk image's file system is not one that is read here: the app inside was not looked at.",
  },
  "validation.dmg_no_app": {
    severity: "info",
    about: "The disk image has no app at its top, or more than one.",
  },
  "validation.dmg_encrypted": {
    severity: "warning",
    about: "The disk image is encrypted: nothing in it can be looked at, and people need its password.",
  },
  "validation.pkg_checksum_mismatch": {
    severity: "error",
    about: "A checksum of the installer package is not that of its table of contents or of a file.",
  },
  "validation.pkg_checksum_missing": {
    severity: "warning",
    about: "A file of the installer package has no checksum, so that no signature covers its content.",
  },
  "validation.pkg_signature_invalid": {
    severity: "error",
    about: "A signature of the installer package does not verify over its table of contents.",
  },
  "validation.arch_unsupported": {
    severity: "error",
    about:
      "The file is for a processor that artifacts cannot name. Kept as universal it would be handed to every device.",
  },
  "validation.arch_unreadable": {
    severity: "warning",
    about: "The part of the file that names its architecture is damaged or missing.",
  },
  "validation.arch_unknown": {
    severity: "info",
    about: "The file may name its architecture, but in a form or size that is not read here.",
  },
  "validation.arch_stub": {
    severity: "info",
    about:
      "A 32-bit x86 Windows program is declared for another architecture: usual for installers, whose payload decides.",
  },
  "validation.app_missing": {
    severity: "warning",
    about: "The archive has no app where its format has one.",
  },
  "validation.app_several": {
    severity: "warning",
    about: "The archive has more than one app where its format has one: which one is installed is open.",
  },
  "validation.certificate_not_in_profile": {
    severity: "warning",
    about:
      "The app is signed with a certificate that its provisioning profile does not name: devices refuse it.",
  },
  "validation.code_signature_invalid": {
    severity: "error",
    about:
      "A signature of an app for Apple's systems does not hold: pages of a program, resources, Info.plist or the signed message differ from what was signed.",
  },
  "validation.development_signed": {
    severity: "warning",
    about: "The app is signed for development: it runs only on the developers' registered devices.",
  },
  "validation.encrypted_app": {
    severity: "info",
    about: "The app is encrypted by Apple's store and runs only for the account that got it there.",
  },
  "validation.entitlements_differ": {
    severity: "warning",
    about: "The two forms in which the app's rights stand in its signature differ.",
  },
  "validation.entitlements_not_in_profile": {
    severity: "warning",
    about: "The app claims rights that its provisioning profile does not give: devices refuse it.",
  },
  "validation.not_hardened": {
    severity: "warning",
    about: "The app for macOS is signed without the hardened runtime, so that it cannot be notarized.",
  },
  "validation.not_notarized": {
    severity: "warning",
    about:
      "No notarization ticket is stapled to the app for macOS: without a connection Gatekeeper refuses it.",
  },
  "validation.platform_mismatch": {
    severity: "error",
    about: "The program inside is for another platform than the declared one.",
  },
  "validation.profile_expired": {
    severity: "warning",
    about: "The app's provisioning profile has expired: devices neither install nor start it.",
  },
  "validation.profile_expiring": {
    severity: "warning",
    about: "The app's provisioning profile expires within 30 days.",
  },
  "validation.profile_invalid": {
    severity: "error",
    about: "The signature of the app's provisioning profile does not verify.",
  },
  "validation.profile_mismatch": {
    severity: "warning",
    about: "The app's provisioning profile is for another app, team or platform.",
  },
  "validation.profile_missing": {
    severity: "warning",
    about: "The app has no provisioning profile, without which no device installs it outside of the store.",
  },
  "validation.signature_not_read": {
    severity: "info",
    about: "A signature stands behind so much packed data that it is read only when signatures are verified.",
  },
  "validation.signer_not_apple": {
    severity: "warning",
    about: "A signature's certificate does not lead to Apple: whoever made it could put any name into it.",
  },
  "validation.unsigned": {
    severity: "warning",
    about: "Nobody has signed the file.",
  },
  "validation.manifest_missing": {
    severity: "warning",
    about: "The file lacks the part that says what it is: what it is called, which version, what it needs.",
  },
  "validation.debuggable": {
    severity: "warning",
    about: "The app may be debugged: whoever has the device at hand reads and changes what it keeps.",
  },
  "validation.test_only": {
    severity: "warning",
    about: "The Android app is marked for tests only, and devices do not install it from a download.",
  },
  "validation.apk_signature_invalid": {
    severity: "error",
    about:
      "A signature of the APK that some Android it is for looks at does not hold, is missing there, or is another signer's than the rest.",
  },
  "validation.apk_signature_stripped": {
    severity: "error",
    about: "The APK says that it was signed by a newer scheme too, and that signature is gone.",
  },
  "validation.apk_unprotected_entries": {
    severity: "info",
    about: "The APK has files in META-INF that its only signature, of scheme v1, does not cover.",
  },
  "validation.aab_signature_invalid": {
    severity: "error",
    about: "The bundle's JAR signature does not hold.",
  },
  "validation.corrupt_data": {
    severity: "error",
    about: "A packed part of the file does not unpack, or to other bytes than its own checksum says.",
  },
  "validation.deb_digest_mismatch": {
    severity: "error",
    about: "A file in the Debian package is not the one that the package's md5sums list, or is missing.",
  },
  "validation.rpm_digest_mismatch": {
    severity: "error",
    about: "The rpm package's header or payload has another digest than the package states.",
  },
  "validation.setuid": {
    severity: "info",
    about: "The archive or package has programs that run with their owner's or group's rights.",
  },
  "validation.tar_device": {
    severity: "warning",
    about: "Unpacking the archive makes device nodes.",
  },
  "validation.tar_duplicate_name": {
    severity: "info",
    about: "A name stands twice in the tar archive; the last entry of it is what stays.",
  },
  "validation.tar_empty": {
    severity: "info",
    about: "The tar archive has no entries.",
  },
  "validation.tar_no_end": {
    severity: "warning",
    about: "The tar archive does not end with an empty block, as it should: it may have been cut off.",
  },
  "validation.tar_unsafe_name": {
    severity: "error",
    about: "The tar archive has a name or a link that leads out of the folder it is unpacked into.",
  },
  "validation.unpack_bomb": {
    severity: "error",
    about: "Packed data unpack to so much more than their size that whoever opens the file fills the disk.",
  },
} as const satisfies Readonly<Record<string, FindingDefinition>>;

export type FindingCode = keyof typeof findingCodes;

/**
 * Builds one finding with the severity its code has. `details` holds JSON values only; `where` is the path inside the file, or
 * the part of it, that it is about.
 */
export function finding(
  code: FindingCode,
  message: string,
  details?: Readonly<Record<string, unknown>>,
  where?: string,
): Finding {
  return {
    code,
    severity: findingCodes[code].severity,
    message,
    ...(where !== undefined && { where }),
    ...(details && { details }),
  };
}
