/** Text that may be stored and shown: no escapes of a terminal, no U+0000, no half characters, not too long. Pure. */

const ESC = 0x1b;
const BEL = 0x07;
/** Longest escape sequence that is looked through; a lone ESC must not swallow a line. */
const MAX_ESCAPE = 256;

/** UTF-8 with every bad byte replaced by U+FFFD, then {@link cleanText}. */
export const cleanBytes = (bytes: Uint8Array): string => cleanText(new TextDecoder().decode(bytes));

/** Escapes and other control characters but tab and line feed go; U+0000 and lone surrogates become U+FFFD. */
export function cleanText(text: string): string {
  const wellFormed = text.toWellFormed();
  let kept = '';
  let from = 0;
  for (let index = 0; index < wellFormed.length; index += 1) {
    const code = wellFormed.charCodeAt(index);
    if ((code >= 0x20 && code !== 0x7f) || code === 0x09 || code === 0x0a) continue;
    kept += wellFormed.slice(from, index) + (code === 0 ? '\ufffd' : '');
    if (code === ESC) index = escapeEnd(wellFormed, index);
    from = index + 1;
  }
  return from === 0 ? wellFormed : kept + wellFormed.slice(from);
}

/** Index of the last character of the escape sequence that begins at `start`. Source: ECMA-48 §5.4, §8.3.89. */
function escapeEnd(text: string, start: number): number {
  const kind = text[start + 1];
  const last = Math.min(text.length - 1, start + MAX_ESCAPE);
  if (kind === '[') {
    for (let index = start + 2; index <= last; index += 1) {
      const code = text.charCodeAt(index);
      if (code >= 0x40 && code <= 0x7e) return index;
      if (code < 0x20 || code > 0x3f) return index - 1;
    }
    return start;
  }
  if (kind === ']') {
    for (let index = start + 2; index <= last; index += 1) {
      if (text.charCodeAt(index) === BEL) return index;
      if (text.charCodeAt(index) === ESC) return text[index + 1] === '\\' ? index + 1 : index - 1;
    }
    return start;
  }
  const code = text.charCodeAt(start + 1);
  return code >= 0x40 && code <= 0x5f ? start + 1 : start;
}

export interface Cut {
  readonly text: string;
  /** UTF-8 bytes that went. */
  readonly cutBytes: number;
}

/** At most `max` UTF-16 units, never half a character. */
export function cutText(text: string, max: number): Cut {
  if (text.length <= max) return { text, cutBytes: 0 };
  const unit = text.charCodeAt(max - 1);
  const end = unit >= 0xd800 && unit <= 0xdbff ? max - 1 : max;
  return { text: text.slice(0, end), cutBytes: Buffer.byteLength(text.slice(end)) };
}
