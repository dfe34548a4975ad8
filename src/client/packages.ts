import { Readable } from "node:stream";

import type {
  ArchiveFormat,
  OpenedArchive,
  PackageFileRecord,
  PackageListRequest,
} from "../registry/records/packages.ts";
import type { Registry } from "../registry/registry.ts";
import { path, query, segments } from "./address-parts.ts";
import type { Api } from "./api.ts";
import { creation } from "./creation.ts";
import { filenameIn, openAt } from "./download.ts";
import { clientErrors } from "./errors.ts";
import { connectionFailure, Transient } from "./failures.ts";

type Packages =
  | "createPackage"
  | "getPackage"
  | "listPackages"
  | "listPackageFiles"
  | "addPackageFiles"
  | "removePackageFile"
  | "finalizePackage"
  | "failPackage"
  | "openPackageFile"
  | "openPackageArchive"
  | "packageManifest"
  | "verifyPackage";

export function packages(api: Api): Pick<Registry, Packages> {
  return {
    createPackage: (request) => api.call(creation("/packages", request)),
    getPackage: (id) => api.call({ method: "GET", path: path`/packages/${id}` }),
    listPackages: (request = {}) => api.call({ method: "GET", path: `/packages${listQuery(request)}` }),
    listPackageFiles: (id, page = {}) =>
      api.call({ method: "GET", path: path`/packages/${id}/files` + query({ ...page }) }),
    addPackageFiles: async (id, files, { replace } = {}) => {
      const address = path`/packages/${id}/files` + query({ replace });
      const { items } = await api.call<{ items: PackageFileRecord[] }>(creation(address, { files }));
      return items;
    },
    removePackageFile: (id, file) => api.call({ method: "DELETE", path: filePath(id, file) }),
    // A package that is finalized already is answered as it is.
    finalizePackage: (id) =>
      api.call({
        method: "POST",
        path: path`/packages/${id}/finalize`,
        json: {},
        repeatable: true,
        patient: true,
      }),
    failPackage: (id, request) =>
      api.call({ method: "POST", path: path`/packages/${id}/fail`, json: request }),
    openPackageFile: (id, file) => openAt(api, filePath(id, file)),
    openPackageArchive: (id, format) => openArchive(api, id, format),
    packageManifest: (id) =>
      api.bytes({
        method: "GET",
        path: path`/packages/${id}/manifest`,
        headers: { accept: "application/cbor" },
      }),
    verifyPackage: (id, { signal } = {}) =>
      api.call({
        method: "POST",
        path: path`/packages/${id}/verify`,
        json: {},
        signal,
        repeatable: true,
        patient: true,
      }),
  };
}

function filePath(id: string, file: string): string {
  return path`/packages/${id}/files/` + segments(file);
}

function listQuery({ metadata = {}, ...filter }: PackageListRequest): string {
  const pairs = Object.entries(metadata).map(([key, value]) => {
    if (!key.includes("=")) return `${key}=${value}`;
    throw clientErrors.error(
      "client.invalid_name",
      `A server finds nothing by the key ${JSON.stringify(key)}.`,
      {
        details: { name: key },
        hint: "Over a server, packages are found by keys without an equals sign.",
      },
    );
  });
  return query({ ...filter, metadata: pairs });
}

/** An archive that is being made while it is read; where it is cut it cannot go on, and fails. */
async function openArchive(api: Api, id: string, format: ArchiveFormat): Promise<OpenedArchive> {
  const response = await api.open({
    method: "GET",
    path: path`/packages/${id}/archive` + query({ format }),
    headers: { accept: "*/*" },
  });
  async function* bytes(): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) yield chunk;
    } catch (cause) {
      const failure = connectionFailure(cause, api.origin);
      throw failure instanceof Transient ? failure.error : failure;
    }
  }
  const stream = Readable.from(bytes(), { objectMode: false });
  // A reader that never begins would keep the connection for ever.
  stream.once("close", () => response.destroy());
  return {
    filename: filenameIn(response.headers["content-disposition"]) ?? `${id}.${format}`,
    content_type: response.headers["content-type"] ?? "application/octet-stream",
    stream,
  };
}
