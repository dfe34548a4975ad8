import { systemClock } from "../../src/base/clock.ts";
import { parseDatabaseUrl } from "../../src/config/database-url.ts";
import { openDatabase } from "../../src/registry/open-database.ts";

/** Records events on several handles of its own at once, and prints each one that was acknowledged: `seq subject`. */
const [url, name, handles, count] = process.argv.slice(2) as [string, string, string, string];
await Promise.all(
  Array.from({ length: Number(handles) }, async (_, handle) => {
    const database = await openDatabase(parseDatabaseUrl(url)!, {
      directory: "/",
      create: false,
      clock: systemClock,
    });
    for (let n = 0; n < Number(count); n += 1) {
      const sha256 = `${name}-${handle}-${n}`;
      const data = { sha256, blake3: sha256, size: n };
      const { seq } = await database.write({ actor: name, actorId: null }, (tx) =>
        tx.record({ type: "v1.object.stored", subject: sha256, data }),
      );
      console.log(`${seq} ${sha256}`);
    }
    await database.close();
  }),
);
