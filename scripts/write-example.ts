/** `npm run example [-- DIRECTORY]`: the example inputs in `./example`. */
import { relative } from "node:path";

import { writeExample } from "./example.ts";

const manifest = await writeExample(process.argv[2] ?? "example");
console.log(`Wrote ${relative(process.cwd(), manifest)} and the files it names.`);
