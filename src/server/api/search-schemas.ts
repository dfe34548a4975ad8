import { z } from "@hono/zod-openapi";

import { searchKinds, type SearchResult } from "../../registry/records/search.ts";

/** What a search finds, as a schema: the types in `records/search.ts` say the same. */
export const searchResult: z.ZodType<SearchResult> = z
  .object({
    query: z.string(),
    hits: z
      .array(
        z.object({
          kind: z.enum(searchKinds),
          id: z.string().describe("A file's is that of its package"),
          name: z.string(),
          app: z.string().nullable(),
          release_id: z.string().nullable().describe("The release that it is, or is in"),
          sha256: z.string().nullable().describe("The digest that begins so, where one was asked for"),
          status: z.string().nullable(),
        }),
      )
      .describe("At most 20 of a kind"),
    more: z.array(z.enum(searchKinds)).describe("Kinds of which there are more"),
  })
  .openapi("SearchResult");
