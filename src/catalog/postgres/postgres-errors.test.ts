import { DatabaseError } from "pg";
import { describe, expect, it } from "vitest";

import { DistError } from "../../base/errors.ts";
import { endsConnection, translatePostgresError } from "./postgres-errors.ts";

/** As pg raises what the server says. */
const serverError = (code: string) =>
  Object.assign(new DatabaseError("what PostgreSQL says", 1, "error"), { code });

const translated = (error: unknown, attempt: "connect" | "read" = "read"): Promise<unknown> =>
  translatePostgresError(attempt, () => Promise.reject(error as Error)).catch((raised: unknown) => raised);

describe("translatePostgresError", () => {
  it.each([
    ["08006", "store.unreachable"],
    ["57P01", "store.unreachable"], // admin_shutdown
    ["57P02", "store.unreachable"], // crash_shutdown
    ["57P03", "store.unreachable"], // cannot_connect_now: it is starting
    ["53300", "store.unreachable"], // too_many_connections
    ["25P03", "store.unreachable"], // idle_in_transaction_session_timeout
    ["28P01", "store.database_refused"], // invalid_password
    ["28000", "store.database_refused"],
    ["3D000", "store.database_refused"], // no such database
    ["3F000", "store.database_refused"], // no such schema
    ["42501", "store.database_refused"], // insufficient_privilege
    ["25006", "store.read_only"],
    ["53100", "store.full"],
    ["40001", "store.busy"],
    ["40P01", "store.busy"],
    ["55P03", "store.busy"],
    ["XX001", "store.damaged"],
    ["XX002", "store.damaged"],
    ["53200", "store.io_failed"],
    ["57014", "store.io_failed"],
    ["58030", "store.io_failed"],
  ])("makes %s a %s that keeps its cause", async (sqlstate, code) => {
    const cause = serverError(sqlstate);
    expect(await translated(cause)).toMatchObject({ code, cause, details: { attempt: "read", sqlstate } });
  });

  it.each([
    ["a socket's error", Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" })],
    ["the driver's word for a lost connection", new Error("Connection terminated unexpectedly")],
    ["no answer in time", new Error("Query read timeout")],
  ])("makes %s store.unreachable", async (_, error) => {
    expect(await translated(error)).toMatchObject({ code: "store.unreachable", kind: "unavailable" });
    expect(endsConnection(await translated(error))).toBe(true);
  });

  it("takes any error of the driver while connecting for the connection's", async () => {
    const noTls = new Error("The server does not support SSL connections");
    expect(await translated(noTls, "connect")).toMatchObject({ code: "store.unreachable" });
    const noPassword = new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string");
    expect(await translated(noPassword, "connect")).toMatchObject({ code: "store.database_refused" });
  });

  it.each([
    ["a broken rule of the schema", serverError("23505")],
    ["a mistake in the statement", serverError("42601")],
    ["a number that is not exact", new Error("Assertion failed: 9007199254740993 is …")],
    ["an error of ours", new DistError("app.not_found", "not_found", "gone")],
    ["no error at all", "text"],
  ])("lets %s pass as it is", async (_, error) => {
    expect(await translated(error)).toBe(error);
    expect(endsConnection(error)).toBe(false);
  });
});

describe("endsConnection", () => {
  it.each([
    ["57P01", true],
    ["25006", true], // a primary that became a standby: a new connection may find the new primary
    ["0A000", true], // "cached plan must not change result type"
    ["23505", false],
    ["55P03", false],
    ["53100", false],
  ])("of %s is %s", async (sqlstate, ends) => {
    expect(endsConnection(await translated(serverError(sqlstate)))).toBe(ends);
  });
});
