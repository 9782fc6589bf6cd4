/** Makes what a terminal or a bidirectional text engine would act on visible, so that a line shows what it holds. Pure. */

export interface TextPart {
  readonly text: string;
  /** True: stands for a character or sequence that would not be seen, e.g. `ESC[31m` or `U+202E`. */
  readonly isMark: boolean;
}

/** Longest stretch of an ANSI sequence that is shown. */
const MAX_MARK_LENGTH = 24;

/** C0 without tab and newline, DEL and C1; soft hyphen, zero width, bidirectional and other format controls; tags; BOM. */
const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose.
  /\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|\u034f|\u17b4|\u17b5|[\u180b-\u180f]|[\ufe00-\ufe0e]|[\u{e0000}-\u{e007f}]/gu;

/** The parts of a text in order; joined without the marks they are the text without its hidden characters. */
export function visibleParts(text: string): readonly TextPart[] {
  const parts: TextPart[] = [];
  let endOfLast = 0;
  for (const match of text.matchAll(HIDDEN)) {
    if (match.index > endOfLast) parts.push({ text: text.slice(endOfLast, match.index), isMark: false });
    parts.push({ text: markOf(match[0]), isMark: true });
    endOfLast = match.index + match[0].length;
  }
  if (endOfLast < text.length) parts.push({ text: text.slice(endOfLast), isMark: false });
  return parts;
}

/** The same as one string, for titles, copies and labels. */
export const visibleText = (text: string): string =>
  visibleParts(text)
    .map((part) => (part.isMark ? `<${part.text}>` : part.text))
    .join('');

function markOf(hidden: string): string {
  if (hidden.startsWith('\u001b') && hidden.length > 1) {
    const rest = hidden.slice(1).replaceAll(HIDDEN, '');
    return `ESC${rest.length > MAX_MARK_LENGTH ? `${rest.slice(0, MAX_MARK_LENGTH)}…` : rest}`;
  }
  const code = hidden.codePointAt(0) ?? 0;
  const name = NAMES.get(code);
  return name ?? `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}

const NAMES: ReadonlyMap<number, string> = new Map([
  [0x00, 'NUL'],
  [0x07, 'BEL'],
  [0x08, 'BS'],
  [0x0d, 'CR'],
  [0x1b, 'ESC'],
  [0x7f, 'DEL'],
]);
