import pg from "pg";
import type { Compilable } from "kysely";

import { catalogErrors } from "../errors.ts";
import type { TextConnection } from "../database.ts";
import { bind, compile, type Query, type QueryBuilder } from "../query.ts";
import { type Attempt, endsConnection, translatePostgresError } from "./postgres-errors.ts";
import { type PostgresTarget, tlsOptions } from "./postgres-target.ts";
import { columnTypes, toParameter } from "./postgres-values.ts";

/** How long a connection may take until it can be used, TLS and authentication included. */
const CONNECT_TIMEOUT_MS = 10_000;
/** How much longer than the server we wait for the end of a statement: past this the server or the way to it is gone. */
const ANSWER_GRACE_MS = 10_000;
/** After this long without a word the operating system asks whether the other side lives. */
const KEEP_ALIVE_MS = 30_000;
/** Statements on their way at once of those that nobody waits for. */
const MAX_UNANSWERED = 64;
/** How long a farewell may take. */
const CLOSE_TIMEOUT_MS = 1_000;

/** What a connection is for, in the server's own list of them, and how long the server lets it be; 0 for no limit. */
export interface SessionLimits {
  readonly purpose: string;
  /** For one statement. */
  readonly statementMs: number;
  /** For the wait for one lock. */
  readonly lockMs: number;
  /** Between two statements of a transaction: a process that was stopped must not keep the write lock. */
  readonly idleInTransactionMs: number;
}

/** One connection to PostgreSQL. Statements go out as they come and are answered in order. */
export class PostgresConnection implements TextConnection {
  readonly dialect = "postgres";
  readonly #client: pg.Client;
  #isLost = false;
  /** Resolves when the last change of which nobody waits for the answer, and so every one before it, is answered. */
  #lastChange: Promise<void> = Promise.resolve();
  #unanswered = 0;
  /** What the first of the transaction's changes raised that nobody waited for. */
  #failure: { readonly error: unknown } | undefined;

  private constructor(client: pg.Client) {
    this.#client = client;
    // Without a listener the loss of an idle connection would end the process.
    client.on("error", () => (this.#isLost = true));
    client.on("end", () => (this.#isLost = true));
  }

  /** Raises `store.unreachable`, `store.database_refused`. */
  static async open(target: PostgresTarget, limits: SessionLimits): Promise<PostgresConnection> {
    const client = new pg.Client({
      host: target.host,
      port: target.port,
      user: target.user,
      // A function, so that the driver looks for a password nowhere else.
      password: () => target.password?.reveal() ?? "",
      database: target.database,
      ssl: await tlsOptions(target),
      ...(target.options !== null && { options: target.options }),
      application_name: `dist ${limits.purpose}`,
      client_encoding: "UTF8",
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      statement_timeout: limits.statementMs,
      lock_timeout: limits.lockMs,
      idle_in_transaction_session_timeout: limits.idleInTransactionMs,
      ...(limits.statementMs > 0 && { query_timeout: limits.statementMs + ANSWER_GRACE_MS }),
      types: columnTypes,
      pipeline: true,
    });
    const connection = new PostgresConnection(client);
    try {
      await translatePostgresError("connect", () => client.connect());
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** False once the connection is lost or must not be used again. */
  get isUsable(): boolean {
    return !this.#isLost;
  }

  async all<P extends object, R>(query: Query<P, R>, params: P): Promise<R[]> {
    return (await this.#run<P>("read", query, params)).rows as R[];
  }

  async first<P extends object, R>(query: Query<P, R>, params: P): Promise<R | undefined> {
    return (await this.#run<P>("read", query, params)).rows[0] as R | undefined;
  }

  async fetch<R>(build: (db: QueryBuilder) => Compilable<R>): Promise<R[]> {
    const { sql, values } = compile(this.dialect, build);
    const { rows } = await this.#send("read", { text: sql, values: values.map(toParameter) });
    return rows as R[];
  }

  async run<P extends object>(query: Query<P, unknown>, params: P): Promise<number> {
    return (await this.#run<P>("write", query, params)).rowCount ?? 0;
  }

  /** After one that fails the server refuses every statement until the transaction ends, and COMMIT rolls it back. */
  async change<P extends object>(query: Query<P, unknown>, params: P): Promise<void> {
    this.#raiseFailure();
    this.#unanswered += 1;
    this.#lastChange = this.#run<P>("write", query, params, { isAwaited: false })
      .catch(() => {})
      .then(() => void (this.#unanswered -= 1));
    if (this.#unanswered >= MAX_UNANSWERED) await this.#lastChange;
  }

  async execute(sql: string): Promise<void> {
    await this.#send("write", { text: sql });
  }

  async scalar(sql: string): Promise<number | string | null> {
    const { rows } = await this.#send("read", { text: sql });
    const row = rows[0] as object | undefined;
    return row === undefined ? null : (Object.values(row)[0] as number | string | null);
  }

  async columnsOf(table: string): Promise<string[]> {
    const columns = await this.scalar(
      `SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = to_regclass(quote_ident(current_schema()) || '.${table}') AND attnum > 0 AND NOT attisdropped`,
    );
    return columns === null ? [] : String(columns).split(",");
  }

  /**
   * Commits, with `NOTIFY` on `channel` if there is one. Rejects with the error that rolled everything back, or with
   * `transaction.outcome_unknown` when the server took the commit and its answer did not come.
   */
  async commit(channel: string | null): Promise<void> {
    const notify = channel === null ? "" : `NOTIFY ${channel}; `;
    // A commit that is not sent has an outcome that is known.
    await this.#lastChange;
    if (this.#failure !== undefined) {
      const { error } = this.#failure;
      await this.rollback();
      throw error;
    }
    try {
      const results = await this.#send("write", { text: `${notify}COMMIT` });
      // Of several statements there are several results. A transaction that met an error is rolled back by COMMIT.
      const last = [results].flat().at(-1)!;
      if (last.command === "COMMIT") return;
    } catch (error) {
      // A server that still answers has answered: what it refused to commit it has rolled back.
      if (await this.rollback()) throw error;
      throw catalogErrors.error(
        "transaction.outcome_unknown",
        "The commit was sent; whether it holds is not known.",
        { cause: error, hint: "Retry: a retry finds out." },
      );
    }
    throw new Error("A transaction went on after a statement that failed.");
  }

  /** Ends the transaction, if there is one; false when the connection is lost, and the transaction with it. */
  async rollback(): Promise<boolean> {
    try {
      await this.execute("ROLLBACK");
      this.#failure = undefined;
      return true;
    } catch {
      this.#isLost = true;
      return false;
    }
  }

  /** Calls `listener` when somebody commits a `NOTIFY` on the channel. */
  async listen(channel: string, listener: () => void): Promise<void> {
    this.#client.on("notification", listener);
    await this.execute(`LISTEN ${channel}`);
  }

  /** Resolves when the connection is lost. */
  async lost(): Promise<void> {
    if (this.#isLost) return;
    await new Promise<void>((resolve) => {
      this.#client.once("end", resolve);
      this.#client.once("error", () => resolve());
    });
  }

  async close(): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    await Promise.race([this.#client.end(), late]);
    clearTimeout(timer);
  }

  #run<P extends object>(
    attempt: Attempt,
    query: Query<P, unknown>,
    params: P,
    how?: { readonly isAwaited: boolean },
  ): Promise<pg.QueryResult> {
    const text = query.compiled(this.dialect);
    const values = bind(text, params).map(toParameter);
    return this.#send(attempt, { name: statementName(query), text: text.sql, values }, how);
  }

  async #send(
    attempt: Attempt,
    statement: pg.QueryConfig,
    { isAwaited } = { isAwaited: true },
  ): Promise<pg.QueryResult> {
    try {
      return await translatePostgresError(attempt, () => this.#client.query(statement));
    } catch (error) {
      if (endsConnection(error)) this.#isLost = true;
      if (!isAwaited) this.#failure ??= { error };
      this.#raiseFailure();
      throw error;
    }
  }

  /** Answers come in the order of the statements: what failed first is known before what failed because of it. */
  #raiseFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

const statementNames = new WeakMap<object, string>();
let namedStatements = 0;

/** The name a declared query is prepared under, the same on every connection. */
function statementName(query: object): string {
  const known = statementNames.get(query);
  if (known !== undefined) return known;
  namedStatements += 1;
  const name = `q${namedStatements}`;
  statementNames.set(query, name);
  return name;
}
