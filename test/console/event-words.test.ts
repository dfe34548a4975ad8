import { expect, it } from "vitest";

import { eventTypes } from "../../src/log/events.ts";
import { wordedEvents } from "../../src/server/console/event-words.tsx";

it("every event of the log has its sentence", () => {
  const types = eventTypes.map((type) => type.replace(/^v\d+\./, ""));
  expect(types.filter((type) => !wordedEvents.includes(type))).toEqual([]);
});
