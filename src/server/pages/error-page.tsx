import type { DistError } from "../../base/errors.ts";
import { Document, htmlOf } from "./document.tsx";
import { shownName } from "./wording.ts";

/** What a status means to somebody who followed a link. */
const headings: Readonly<Record<number, string>> = {
  401: "Sign-in needed",
  403: "Not allowed",
  404: "Not found",
  410: "No longer available",
  500: "Something went wrong here",
  503: "Not available at the moment",
};

const advice: Readonly<Record<number, string>> = {
  401: "Send a token with the scope read: Authorization: Bearer dist_…",
  404: "The address may be mistyped, or what it names may be open only to people who are signed in.",
  410: "The page of its channel shows what is current instead.",
  500: "It is not your doing. Try again; if it stays, give the request id to whoever runs this server.",
  503: "Try again in a moment.",
};

/** An error as a whole page, for requests that would rather have HTML. Send it with `pageHeaders`. */
export function errorPage(error: DistError, status: number, requestId: string): string {
  const heading = headings[status] ?? "The request was refused";
  const help = error.hint ?? advice[status];
  return htmlOf(
    <Document title={heading}>
      <main>
        <h1>{heading}</h1>
        <p class="lead">{shownName(error.message)}</p>
        {help !== undefined && <p class="t2">{shownName(help)}</p>}
        <dl class="facts">
          <dt>Status</dt>
          <dd>{status}</dd>
          <dt>Code</dt>
          <dd>
            <code>{error.code}</code>
          </dd>
          <dt>Request</dt>
          <dd>
            <code>{requestId}</code>
          </dd>
        </dl>
        <p>
          <a href="/">All apps on this server</a>
        </p>
      </main>
    </Document>,
  );
}
