import { DatabaseSync, type StatementSync } from "node:sqlite";

import type { Compilable } from "kysely";

import type { TextConnection } from "../database.ts";
import { bind, type CompiledText, compile, type Query, type QueryBuilder, type SqlValue } from "../query.ts";
import { translateSqliteError } from "./sqlite-errors.ts";

/**
 * One SQLite connection. Its calls are synchronous underneath and asynchronous in shape, so that queries are written once
 * for both engines.
 */
export class SqliteConnection implements TextConnection {
  readonly dialect = "sqlite";
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<Query<never, unknown>, { statement: StatementSync; text: CompiledText }>();

  constructor(path: string, options: { readOnly: boolean }) {
    this.#database = translateSqliteError(
      "open",
      () =>
        new DatabaseSync(path, {
          readOnly: options.readOnly,
          enableForeignKeyConstraints: false,
          enableDoubleQuotedStringLiterals: false,
        }),
    );
    // A blocking wait for a lock would stop the event loop; waiting is asynchronous, above.
    this.#exec("PRAGMA busy_timeout = 0");
  }

  async all<P extends object, R>(query: Query<P, R>, params: P): Promise<R[]> {
    const { statement, text } = this.#prepare(query);
    return translateSqliteError("read", () => statement.all(...bind(text, params)) as R[]);
  }

  async first<P extends object, R>(query: Query<P, R>, params: P): Promise<R | undefined> {
    const { statement, text } = this.#prepare(query);
    return translateSqliteError("read", () => statement.get(...bind(text, params)) as R | undefined);
  }

  async fetch<R>(build: (db: QueryBuilder) => Compilable<R>): Promise<R[]> {
    const { sql, values } = compile(this.dialect, build);
    return translateSqliteError(
      "read",
      () => this.#database.prepare(sql).all(...(values as SqlValue[])) as R[],
    );
  }

  async run<P extends object>(query: Query<P, unknown>, params: P): Promise<number> {
    const { statement, text } = this.#prepare(query);
    return translateSqliteError("write", () => Number(statement.run(...bind(text, params)).changes));
  }

  async change<P extends object>(query: Query<P, unknown>, params: P): Promise<void> {
    await this.run(query, params);
  }

  async execute(sql: string): Promise<void> {
    this.#exec(sql);
  }

  async scalar(sql: string): Promise<number | string | null> {
    return translateSqliteError("read", () => {
      const row = this.#database.prepare(sql).get();
      return row === undefined ? null : (Object.values(row)[0] as number | string | null);
    });
  }

  async columnsOf(table: string): Promise<string[]> {
    const names = await this.scalar(`SELECT group_concat(name) FROM pragma_table_info('${table}')`);
    return names === null ? [] : String(names).split(",");
  }

  get isUsable(): boolean {
    return this.#database.isOpen;
  }

  async close(): Promise<void> {
    if (this.#database.isOpen) this.#database.close();
  }

  #prepare<P, R>(query: Query<P, R>): { statement: StatementSync; text: CompiledText } {
    const key = query as Query<never, unknown>;
    let prepared = this.#prepared.get(key);
    if (prepared === undefined) {
      const text = query.compiled(this.dialect);
      prepared = { text, statement: translateSqliteError("read", () => this.#database.prepare(text.sql)) };
      this.#prepared.set(key, prepared);
    }
    return prepared;
  }

  #exec(sql: string): void {
    translateSqliteError("write", () => this.#database.exec(sql));
  }
}
