import type { DistError } from "../../../base/errors.ts";
import { shownName } from "../../pages/wording.ts";
import { Head } from "../components/part.tsx";
import type { Page } from "../frame.tsx";

/** Where a page could not be made: what failed, what to do, the code. */
export function problemPage(error: DistError): Page {
  const title = error.kind === "not_found" ? "Not found" : "That did not work";
  return {
    title,
    section: null,
    content: (
      <>
        <Head title={title} />
        <div class="say">
          <p class="strong">{shownName(error.message)}</p>
          {error.hint !== undefined && <p>{shownName(error.hint)}</p>}
          <p class="t3">
            <code>{error.code}</code>
          </p>
        </div>
      </>
    ),
  };
}
