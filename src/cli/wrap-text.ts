/** Lines are never made narrower than this, however narrow the terminal is. */
const minWidth = 30;

/** Breaks text at spaces so that no line passes `columns`; lines after the first start with `indent` spaces. Line feeds stay. */
export function wrapText(text: string, indent: number, columns: number): string {
  const width = Math.max(minWidth, columns - indent);
  return text
    .split("\n")
    .flatMap((paragraph) => wrapLine(paragraph, width))
    .map((line, index) => (index === 0 || line === "" ? line : " ".repeat(indent) + line))
    .join("\n");
}

function wrapLine(paragraph: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of paragraph.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
