/** A route whose bodies are not JSON: what the reference says of it. It is answered beside its own kind. */
interface PlainRoute {
  readonly method: string;
  readonly path: string;
  readonly who: string;
  readonly about: string;
}

const uploaders = "`publish` or `package.write`";
const byVisibility = "by visibility";
const nobody = "everybody";

/** By what they are for. */
export const plainRoutes: Readonly<Record<string, readonly PlainRoute[]>> = {
  "Sending bytes": [
    {
      method: "POST",
      path: "/api/upload",
      who: uploaders,
      about:
        "The body's bytes in one piece, with a `Content-Length`; a `Content-Digest` (RFC 9530) is checked. 201, or 200 when they were known: `UploadedObject`.",
    },
    {
      method: "OPTIONS",
      path: "/api/uploads",
      who: nobody,
      about: "What is spoken of tus 1.0.0: extensions, checksum algorithms, the largest upload.",
    },
    {
      method: "POST",
      path: "/api/uploads",
      who: uploaders,
      about:
        "Begins an upload in pieces: `Upload-Length`, `Upload-Metadata`; its first bytes may come along.",
    },
    {
      method: "HEAD",
      path: "/api/uploads/{id}",
      who: "who began it",
      about:
        "`Upload-Offset`: durable up to there. With the last byte it stands beside `X-Checksum-SHA256`, `X-Checksum-BLAKE3`, `Repr-Digest`, `X-Object-Size`, `X-Object-Existed` and `X-Lease-Expires-At`.",
    },
    {
      method: "PATCH",
      path: "/api/uploads/{id}",
      who: "who began it",
      about:
        "The next piece, at `Upload-Offset`; with `Upload-Checksum` it counts whole or not at all. Answers as HEAD does. 409 at another offset, 410 once expired, 413, 460.",
    },
    {
      method: "DELETE",
      path: "/api/uploads/{id}",
      who: "who began it",
      about: "Forgets the upload and what came of its bytes; a finished object stays.",
    },
  ],
  "Fetching bytes": [
    {
      method: "GET",
      path: "/download/{sha256}",
      who: byVisibility,
      about:
        "The bytes, with ranges, `ETag`, `X-Checksum-SHA256` and `Repr-Digest`; `?artifact=` picks whose name and type are said, `&channel=` says by which channel the visitor came, for the counts of downloads. A token, a share link (`?share=`) or a signed address opens what is private.",
    },
    {
      method: "GET",
      path: "/download/{app}/{channel}/{platform}[/{arch}][/{format}]",
      who: byVisibility,
      about: "Redirects to the channel's current artifact; never kept by caches.",
    },
  ],
  Events: [
    {
      method: "GET",
      path: "/api/events",
      who: "`audit`",
      about:
        "The log after `?after=`: a page of JSON, or Server-Sent Events without end where `text/event-stream` is accepted.",
    },
  ],
  Pages: [
    { method: "GET", path: "/", who: byVisibility, about: "The apps, their channels and files." },
    {
      method: "GET",
      path: "/install/{app}/{channel}",
      who: byVisibility,
      about: "The install page of a channel.",
    },
    {
      method: "GET",
      path: "/install/{app}/{channel}/manifest.plist",
      who: byVisibility,
      about: "What an enrolled iPhone installs by, in the enterprise mode; a signed address opens it.",
    },
  ],
  Operation: [
    { method: "GET", path: "/healthz", who: nobody, about: "The process answers." },
    { method: "GET", path: "/readyz", who: nobody, about: "Database and blob store answer; 503 otherwise." },
    { method: "GET", path: "/metrics", who: nobody, about: "For Prometheus." },
    { method: "GET", path: "/openapi.json", who: nobody, about: "The JSON routes for programs." },
    { method: "GET", path: "/schema/dist.json", who: nobody, about: "The JSON Schema of `dist.json`." },
  ],
};
