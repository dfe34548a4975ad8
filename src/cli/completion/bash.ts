import { type CompletionNode, singleQuoted } from "./tree.ts";

/** A completion script for bash 3.2 and later, for the program under this name. */
export function bashCompletion(name: string, nodes: readonly CompletionNode[]): string {
  return `# bash completion for ${name}
_${name}() {
  local cur prev path word next i
  cur="\${COMP_WORDS[COMP_CWORD]}"
  prev="\${COMP_WORDS[COMP_CWORD-1]}"
  COMPREPLY=()
  path=""
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    next="\${path:+$path }$word"
    case "$next" in
      ${nodes
        .filter(({ path }) => path !== "")
        .map(({ path }) => singleQuoted(path))
        .join("|")}) path="$next" ;;
    esac
  done
  case "$path:$prev" in
${nodes.flatMap(valueCases).join("\n")}
  esac
  case "$path" in
${nodes.map(wordCase).join("\n")}
  esac
  # Nothing of ours fits: an argument is a file.
  [[ \${#COMPREPLY[@]} -eq 0 && "$cur" != -* ]] && COMPREPLY=($(compgen -f -- "$cur"))
  return 0
}
complete -o filenames -F _${name} ${name}
`;
}

function valueCases({ path, options }: CompletionNode): string[] {
  return options
    .filter(({ takesValue }) => takesValue)
    .map(({ flag, choices, isPath }) => {
      const place = singleQuoted(`${path}:${flag}`);
      if (choices.length > 0) {
        return `    ${place}) COMPREPLY=($(compgen -W ${singleQuoted(choices.join(" "))} -- "$cur")); return 0 ;;`;
      }
      return isPath
        ? `    ${place}) COMPREPLY=($(compgen -f -- "$cur")); return 0 ;;`
        : `    ${place}) return 0 ;;`;
    });
}

function wordCase({ path, words, options }: CompletionNode): string {
  const known = [...words.map(({ word }) => word), ...options.map(({ flag }) => flag)];
  return `    ${singleQuoted(path)}) COMPREPLY=($(compgen -W ${singleQuoted(known.join(" "))} -- "$cur")) ;;`;
}
