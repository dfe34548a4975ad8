import {
  type Compilable,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";

import { namedColumns } from "./named-columns.ts";
import type { Tables } from "./tables.ts";

export type Dialect = "sqlite" | "postgres";

/** The builder that queries are written with; it never runs anything by itself. */
export type QueryBuilder = Kysely<Tables>;

/** What a database column can be given. */
export type SqlValue = string | number | null | Uint8Array;

/** A query text with its parameters in order. */
export interface CompiledText {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/**
 * A query that is built and compiled once per dialect and then run as a prepared statement: building with Kysely on
 * every call costs more than the statement itself.
 */
export interface Query<P, R> {
  /** Compiles at the first call; `values` holds a `Param` wherever a parameter belongs. */
  compiled(dialect: Dialect): CompiledText;
  readonly __types?: (params: P) => R;
}

/** Stands in a compiled query where the parameter of this name goes. */
export class Param {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/**
 * Declares a query over named parameters.
 *
 * @example
 * const appBySlug = query<{ slug: string }>()((db, p) =>
 *   db.selectFrom("app").selectAll().where("slug", "=", p.slug));
 * await reader.first(appBySlug, { slug: "acme" });
 */
export function query<P>() {
  return <R>(build: (db: QueryBuilder, p: P) => Compilable<R>): Query<P, R> => {
    const texts: Partial<Record<Dialect, CompiledText>> = {};
    return {
      compiled(dialect) {
        return (texts[dialect] ??= compile(dialect, (db) => build(db, paramsOf<P>())));
      },
    };
  };
}

/** Compiles a query whose shape depends on the call, such as a list with optional filters. */
export function compile<R>(dialect: Dialect, build: (db: QueryBuilder) => Compilable<R>): CompiledText {
  const { sql, parameters } = build(builder(dialect)).compile();
  return { sql, values: parameters };
}

/** Puts the parameters where the compiled query names them. */
export function bind(text: CompiledText, params: object): SqlValue[] {
  return text.values.map((value) =>
    value instanceof Param ? (params as Record<string, SqlValue>)[value.name]! : (value as SqlValue),
  );
}

/** Any property of the result is the `Param` of that name; Kysely passes it through as a value. */
function paramsOf<P>(): P {
  return new Proxy({}, { get: (_, name) => new Param(String(name)) }) as P;
}

const builders: Partial<Record<Dialect, QueryBuilder>> = {};

function builder(dialect: Dialect): QueryBuilder {
  return (builders[dialect] ??= new Kysely<Tables>({
    plugins: [namedColumns],
    dialect: {
      createDriver: () => new DummyDriver(),
      ...(dialect === "sqlite"
        ? {
            createAdapter: () => new SqliteAdapter(),
            createIntrospector: (db) => new SqliteIntrospector(db),
            createQueryCompiler: () => new SqliteQueryCompiler(),
          }
        : {
            createAdapter: () => new PostgresAdapter(),
            createIntrospector: (db) => new PostgresIntrospector(db),
            createQueryCompiler: () => new PostgresQueryCompiler(),
          }),
    },
  }));
}
