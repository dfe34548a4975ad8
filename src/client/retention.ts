import type { Registry } from "../registry/registry.ts";
import { path, query } from "./address-parts.ts";
import type { Api } from "./api.ts";
import { creation } from "./creation.ts";

type Retention =
  | "retentionClasses"
  | "getRetention"
  | "extendRetention"
  | "holdPackage"
  | "releaseHold"
  | "retentionHistory"
  | "sweepRetention";

export function retention(api: Api): Pick<Registry, Retention> {
  return {
    retentionClasses: () => api.call({ method: "GET", path: "/retention/classes" }),
    getRetention: (id) => api.call({ method: "GET", path: path`/packages/${id}/retention` }),
    extendRetention: (id, request) => api.call(creation(path`/packages/${id}/retention/extensions`, request)),
    holdPackage: (id, request) => api.call(creation(path`/packages/${id}/retention/holds`, request)),
    releaseHold: (id, hold, request) =>
      api.call(creation(path`/packages/${id}/retention/holds/${hold}/release`, request)),
    retentionHistory: (id, page = {}) =>
      api.call({ method: "GET", path: path`/packages/${id}/retention/history` + query({ ...page }) }),
    // A second one finds what is left of the first.
    sweepRetention: () =>
      api.call({ method: "POST", path: "/retention/sweep", json: {}, repeatable: true, patient: true }),
  };
}
