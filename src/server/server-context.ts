import type { HttpBindings } from "@hono/node-server";
import type { Logger } from "pino";

import type { Clock } from "../base/clock.ts";
import type { ServerSettings } from "../config/server-settings.ts";
import type { Store } from "../registry/open-store.ts";
import type { Principal } from "../registry/principal.ts";
import type { Registry } from "../registry/registry.ts";
import type { Session } from "../registry/sessions.ts";
import type { Metrics } from "./metrics.ts";
import type { Peers } from "./peers.ts";

/** What every route works with: one store, one configuration. */
export interface ServerDeps {
  readonly store: Store;
  readonly settings: ServerSettings;
  readonly log: Logger;
  readonly clock: Clock;
  /** Set where several processes are one server. */
  readonly peers?: Peers;
}

/** What a part of the server is put together from. */
export interface PartDeps extends ServerDeps {
  readonly metrics: Metrics;
}

/** Hono's environment: Node's own request and response beside the web-standard ones, and who is asking. */
export interface ServerEnv {
  Bindings: HttpBindings;
  Variables: {
    /** Made for every request; in its log lines and in the header `X-Request-Id`. */
    requestId: string;
    principal: Principal;
    /** The store, as that principal. */
    registry: Registry;
    /** The secret of the share link by which an anonymous visitor came. */
    share: string | undefined;
    /** The console's session, of a request that came with one. */
    session: Session | undefined;
    /**
     * Runs what looks at a credential that somebody presents. Failures are counted by address, and `request.too_many_attempts` is
     * raised for one with too many.
     */
    attempt: <T>(authenticate: () => Promise<T>) => Promise<T>;
    /** Scheme, host and port under which links are made, without a trailing slash. */
    baseUrl: string;
    /** The client's address, past trusted proxies. */
    clientAddress: string;
  };
}
