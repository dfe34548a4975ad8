import type { CompletionNode } from "./tree.ts";

/** A completion script for fish 3. */
export function fishCompletion(nodes: readonly CompletionNode[]): string {
  return `# fish completion for dist
function __dist_path
  set -l at ""
  for word in (commandline -opc)[2..-1]
    set -l next (string trim -- "$at $word")
    contains -- "$next" $__dist_paths; and set at "$next"
  end
  echo "$at"
end
function __dist_at
  test (__dist_path) = "$argv[1]"
end
set -g __dist_paths ${nodes
    .filter(({ path }) => path !== "")
    .map(({ path }) => quoted(path))
    .join(" ")}
complete -c dist -e
${nodes.flatMap(nodeLines).join("\n")}
`;
}

function nodeLines({ path, words, options }: CompletionNode): string[] {
  const condition = `complete -c dist -n ${quoted(`__dist_at ${quoted(path)}`)}`;
  return [
    ...words.map(({ word, about }) => `${condition} -f -a ${quoted(word)} -d ${quoted(about)}`),
    ...options.map(({ flag, about, takesValue, choices, isPath }) => {
      const long = `${condition} -l ${flag.slice(2)} -d ${quoted(about)}`;
      if (!takesValue) return long;
      if (choices.length > 0) return `${long} -x -a ${quoted(choices.join(" "))}`;
      return isPath ? `${long} -r -F` : `${long} -x`;
    }),
  ];
}

/** Text between single quotes, as fish reads it: backslash and quote are escaped. */
function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
