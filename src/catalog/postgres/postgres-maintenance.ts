import type { Compilable } from "kysely";

import type { MaintenanceConnection } from "../database.ts";
import type { Query, QueryBuilder } from "../query.ts";
import type { PostgresConnection } from "./postgres-connection.ts";

/** A connection whose temporary tables shadow the store's own: PostgreSQL looks for a bare name among them first. */
export class PostgresMaintenance implements MaintenanceConnection {
  readonly dialect = "postgres";
  readonly schemas: MaintenanceConnection["schemas"];
  readonly exclusively: MaintenanceConnection["exclusively"];
  readonly nowMs: MaintenanceConnection["nowMs"];
  readonly #connection: PostgresConnection;

  constructor(
    connection: PostgresConnection,
    schema: string,
    { exclusively, nowMs }: Pick<MaintenanceConnection, "exclusively" | "nowMs">,
  ) {
    this.#connection = connection;
    this.nowMs = nowMs;
    this.schemas = { stored: schema, temporary: "pg_temp" };
    this.exclusively = exclusively;
  }

  async snapshot<T>(work: () => Promise<T>): Promise<T> {
    await this.execute("BEGIN ISOLATION LEVEL REPEATABLE READ");
    try {
      const result = await work();
      await this.#connection.commit(null);
      return result;
    } catch (error) {
      await this.#connection.rollback();
      throw error;
    }
  }

  all<P extends object, R>(query: Query<P, R>, params: P): Promise<R[]> {
    return this.#connection.all(query, params);
  }

  first<P extends object, R>(query: Query<P, R>, params: P): Promise<R | undefined> {
    return this.#connection.first(query, params);
  }

  fetch<R>(build: (db: QueryBuilder) => Compilable<R>): Promise<R[]> {
    return this.#connection.fetch(build);
  }

  run<P extends object>(query: Query<P, unknown>, params: P): Promise<number> {
    return this.#connection.run(query, params);
  }

  /** Waited for: a replay makes millions of them. */
  async change<P extends object>(query: Query<P, unknown>, params: P): Promise<void> {
    await this.#connection.run(query, params);
  }

  execute(sql: string): Promise<void> {
    return this.#connection.execute(sql);
  }

  scalar(sql: string): Promise<number | string | null> {
    return this.#connection.scalar(sql);
  }

  columnsOf(table: string): Promise<string[]> {
    return this.#connection.columnsOf(table);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}
