import { errorFamily } from "../base/errors.ts";

export const authErrors = errorFamily({
  "auth.missing_token": { kind: "unauthenticated", about: "The request carries no token and needs one." },
  "auth.malformed_token": {
    kind: "unauthenticated",
    about: "The token is not `dist_` and 64 hex characters.",
  },
  "auth.unknown_token": { kind: "unauthenticated", about: "No such token was ever made here." },
  "auth.unknown_session": { kind: "unauthenticated", about: "The session of the console has ended." },
  "auth.oidc_unavailable": { kind: "unavailable", about: "The identity provider does not answer." },
  "auth.oidc_refused": {
    kind: "unauthenticated",
    about: "The identity provider did not vouch for whoever came back from it.",
  },
  "auth.oidc_no_role": {
    kind: "denied",
    about: "The identity provider vouches for somebody to whom this server gives no role.",
  },
  "auth.csrf": { kind: "denied", about: "A form was sent that did not come from a page of the session." },
  "auth.revoked": { kind: "denied", about: "The token was revoked." },
  "auth.expired": { kind: "denied", about: "The token has expired." },
  "auth.missing_scope": { kind: "denied", about: "The token may not do this: it lacks the scope." },
  "auth.wrong_app": { kind: "denied", about: "The token is limited to another app." },
  "auth.wrong_channel": { kind: "denied", about: "The token is limited to another channel." },
});

export const appErrors = errorFamily({
  "app.not_found": { kind: "not_found", about: "There is no such app, or the caller may not see it." },
  "app.invalid_slug": { kind: "invalid", about: "A slug is 1 to 63 of a-z, 0-9 and inner hyphens." },
  "app.invalid_setting": { kind: "invalid", about: "A setting of an app has a value it cannot have." },
  "app.platform_not_allowed": {
    kind: "invalid",
    about: "The app does not allow artifacts for this platform.",
  },
  "app.testflight_url_required": { kind: "invalid", about: "The TestFlight mode needs a TestFlight link." },
  "app.reason_required": {
    kind: "invalid",
    about: "Who may sign an app that pins signers already is changed with a reason only.",
  },
  "app.bundle_id_required": {
    kind: "invalid",
    about: "The enterprise mode needs the iOS bundle identifier.",
  },
  "app.no_install_manifest": {
    kind: "not_found",
    about:
      "There is no manifest.plist: it needs the enterprise mode, the iOS bundle identifier and a current IPA.",
  },
});

export const releaseErrors = errorFamily({
  "release.not_found": { kind: "not_found", about: "The app has no such release." },
  "release.ambiguous": {
    kind: "conflict",
    about: "Several builds have this version; the build must be named.",
  },
  "release.not_published": {
    kind: "conflict",
    about: "The release is a draft, or deleted; this needs a published one.",
  },
  "release.revoked": { kind: "gone", about: "The release was revoked." },
  "release.invalid_version": {
    kind: "invalid",
    about: "A version is 1 to 64 of 0-9A-Za-z.+~- and begins with a letter or digit.",
  },
  "release.invalid_build": { kind: "invalid", about: "A build is empty, or is made like a version." },
  "release.invalid_notes": { kind: "invalid", about: "Notes are well-formed text of at most 64 KiB." },
  "release.invalid_metadata": { kind: "invalid", about: "Metadata is JSON of at most 16 KiB." },
  "release.invalid_filename": {
    kind: "invalid",
    about: "A file name is one path segment of at most 255 bytes.",
  },
  "release.too_many_artifacts": { kind: "invalid", about: "A release has at most 64 artifacts." },
  "release.duplicate_artifact": {
    kind: "invalid",
    about: "Two artifacts have the same platform, arch and format.",
  },
  "release.empty": { kind: "invalid", about: "A release needs at least one artifact." },
  "transaction.integrity": {
    kind: "conflict",
    about: "The change would break a rule of the whole; `details.rule` names it.",
  },
});

export const packageErrors = errorFamily({
  "package.not_open": {
    kind: "conflict",
    about:
      "The package is finalized, failed or deleted, or is a release's: its files do not change here any more.",
  },
  "package.duplicate_path": { kind: "conflict", about: "The package has other bytes at this path." },
  "package.deleted": {
    kind: "gone",
    about: "The package was deleted; its record stays, its bytes are gone.",
  },
  "package.changed": { kind: "conflict", about: "The package changed while it was being finalized. Retry." },
  "package.not_found": {
    kind: "not_found",
    about: "There is no such package, or the caller may not see it.",
  },
  "package.file_not_found": { kind: "not_found", about: "The package has no file at this path." },
  "package.not_finalized": { kind: "conflict", about: "The package has no manifest: it was not finalized." },
  "package.empty": { kind: "conflict", about: "A package needs at least one file to be finalized." },
  "package.invalid_path": {
    kind: "invalid",
    about:
      "A path is relative, of segments between slashes: UTF-8 of at most 1,024 bytes, 255 a segment, without `.`, `..`, empty segments, backslashes and control characters.",
  },
  "package.too_many_files": {
    kind: "invalid",
    about: "A package has at most 100,000 files, a request 1,000.",
  },
  "package.invalid_kind": {
    kind: "invalid",
    about: "A kind is 1 to 64 of `a-z`, `0-9`, `.`, `_` and `-`; `release` is the registry's own.",
  },
  "package.invalid_field": {
    kind: "invalid",
    about: "Producer, subject, case and media type are printable text of limited length.",
  },
  "package.invalid_metadata": {
    kind: "invalid",
    about: "Metadata is a JSON object of at most 16 KiB with at most 32 top-level scalars.",
  },
  "package.invalid_key": {
    kind: "invalid",
    about: "A key is 1 to 128 of `A-Z`, `a-z`, `0-9`, `.`, `_`, `:` and `-`.",
  },
  "package.invalid_manifest": {
    kind: "invalid",
    about:
      "A file that should be a package's manifest breaks a rule of docs/formats/manifest.md; `details.path` points at it.",
  },
  "package.invalid_archive": {
    kind: "corrupt",
    about: "A tar ends too early, or its headers are damaged.",
  },
  "package.invalid_filter": {
    kind: "invalid",
    about: "A filter of the list has a value that no package can have.",
  },
});

export const retentionErrors = errorFamily({
  "retention.unknown_class": { kind: "invalid", about: "There is no such retention class." },
  "retention.reason_required": { kind: "invalid", about: "This needs a reason." },
  "retention.not_later": {
    kind: "invalid",
    about: "An extension must end later than what holds now, and later than now.",
  },
  "retention.permanent": {
    kind: "invalid",
    about: "The package is kept for ever; there is nothing to extend.",
  },
  "hold.not_found": { kind: "not_found", about: "The package has no such hold." },
  "hold.already_released": { kind: "conflict", about: "The hold was released before." },
});

export const channelErrors = errorFamily({
  "channel.not_found": { kind: "not_found", about: "The app has no such channel." },
  "channel.invalid_name": {
    kind: "invalid",
    about: "A channel name is 1 to 63 of a-z, 0-9, `.`, `_` and `-`.",
  },
  "channel.invalid_setting": { kind: "invalid", about: "A setting of a channel has a value it cannot have." },
  "channel.policy_refused": {
    kind: "conflict",
    about: "The channel's policy refuses the move; `details.rule` says which rule.",
  },
  "channel.no_previous_release": { kind: "conflict", about: "There is no earlier release to roll back to." },
  "channel.moved": {
    kind: "conflict",
    about: "The channel does not point at the release that was expected.",
  },
});

export const sessionErrors = errorFamily({
  "session.not_found": { kind: "not_found", about: "There is no such session, or it ended." },
});

export const tokenErrors = errorFamily({
  "token.not_found": { kind: "not_found", about: "There is no such token." },
  "token.already_revoked": { kind: "conflict", about: "The token is revoked already." },
  "token.invalid_name": { kind: "invalid", about: "A token's name is 1 to 100 printable characters." },
  "token.invalid_scope": { kind: "invalid", about: "There is no such scope." },
  "token.exceeds_own": { kind: "denied", about: "Nobody creates a token that may do more than their own." },
});

export const requestErrors = errorFamily({
  "request.idempotency_mismatch": {
    kind: "conflict",
    about: "The same Idempotency-Key came with another body.",
  },
});

export const shareErrors = errorFamily({
  "share.not_found": { kind: "not_found", about: "There is no such share link." },
  "share.expired": { kind: "denied", about: "The share link has expired." },
  "share.revoked": { kind: "denied", about: "The share link was revoked." },
  "share.too_long": { kind: "invalid", about: "A share link works for a year at most." },
});

export const linkErrors = errorFamily({
  "download.link_invalid": {
    kind: "denied",
    about: "The signature of the address is not one made here for it.",
  },
  "download.link_expired": { kind: "denied", about: "The signed address has expired." },
  "download.link_too_long": { kind: "invalid", about: "A signed address works for seven days at most." },
});

export const eventErrors = errorFamily({
  "events.cursor_unknown": {
    kind: "gone",
    about: "The log has no such event, or is another log than the cursor came from.",
  },
});

export const objectErrors = errorFamily({
  "object.missing": {
    kind: "conflict",
    about: "Named bytes are not here, or not known to the caller; `details.missing` lists them.",
  },
  "object.not_found": { kind: "not_found", about: "There is no such object, or the caller may not read it." },
});

export const uploadErrors = errorFamily({
  "upload.not_found": { kind: "not_found", about: "There is no such upload, or it is somebody else's." },
  "upload.expired": { kind: "gone", about: "The upload stood still for too long; its bytes are gone." },
  "upload.offset_mismatch": {
    kind: "conflict",
    about: "The upload does not continue at this offset; `details.offset` says where it does.",
  },
  "upload.taken_over": {
    kind: "conflict",
    about: "Another request writes to the upload now; what this one sent last does not count.",
  },
  "upload.too_many_parts": {
    kind: "conflict",
    about: "The upload was interrupted too often to go on; it must be begun anew.",
  },
  "upload.invalid_size": { kind: "invalid", about: "An upload's size is a whole number of bytes." },
  "upload.invalid_metadata": { kind: "invalid", about: "What a client says of an upload has at most 4 KiB." },
  "upload.checksum_mismatch": {
    kind: "invalid",
    about: "The bytes of the request are not those its checksum is of; none of them count.",
  },
});

export const migrationErrors = errorFamily({
  "migration.same_place": {
    kind: "conflict",
    about: "Source and target share their database or the place of their bytes; `details.what` says which.",
  },
  "migration.other_log": {
    kind: "conflict",
    about: "The target holds another store's log, or objects of another migration.",
  },
  "migration.diverged": {
    kind: "conflict",
    about: "The target has the source's log and went on with it by itself; it is a store of its own now.",
  },
  "migration.source_damaged": {
    kind: "corrupt",
    about:
      "Objects that the source holds are missing or are not their digests' bytes; `details.problems` names them, and the migration is not finished.",
  },
});

export const validationErrors = errorFamily({
  "validation.size_mismatch": { kind: "invalid", about: "The file is not as long as was declared." },
  "validation.digest_mismatch": { kind: "invalid", about: "The file's SHA-256 is not what was declared." },
  "validation.signer_changed": {
    kind: "invalid",
    about:
      "An artifact is signed by somebody else than the app pins, or by nobody; `details.pinned` and `details.found` name both.",
  },
  "validation.failed": {
    kind: "invalid",
    about: "Inspection found errors in an artifact; `details.artifacts` holds them.",
  },
  "statistics.invalid_days": { kind: "invalid", about: "Statistics are of 1 to 400 days, today among them." },
  "search.invalid_query": { kind: "invalid", about: "What is looked for has 1 to 200 characters." },
  "page.invalid_limit": { kind: "invalid", about: "A page has 1 to 1,000 entries." },
  "page.invalid_cursor": { kind: "invalid", about: "The cursor is not one this list gave out." },
  "request.invalid_reason": { kind: "invalid", about: "A reason is well-formed text of at most 1 KiB." },
  "request.invalid_time": { kind: "invalid", about: "A time is RFC 3339, such as 2026-11-20T15:00:00Z." },
});
