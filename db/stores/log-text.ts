/** The text of a log search: words that must all occur, "phrases", prefix*, -without. Pure. */

export interface LogTerm {
  /** Words in the order in which they must stand, one after the other. */
  readonly words: readonly string[];
  /** The last word is the beginning of one. */
  readonly prefix: boolean;
  readonly without: boolean;
}

/** The characters at which log_words (migration 0006) cuts. */
const CUT = /[!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~\s\p{Cc}]+/u;
const TERM = /(-?)(?:"([^"]*)"?|(\S+))/g;
/** Terms beyond are ignored: the API's own limit on length leaves room for a hundred of one letter. */
const MAX_TERMS = 20;

/** In order; terms without any letter or digit are left out. Empty where none has one. */
export function parseLogText(text: string): LogTerm[] {
  const terms: LogTerm[] = [];
  for (const [, minus, phrase, single] of text.matchAll(TERM)) {
    const words = wordsOf(phrase ?? single ?? '');
    if (words.length === 0) continue;
    terms.push({ words, prefix: single?.endsWith('*') === true, without: minus === '-' });
  }
  return terms.slice(0, MAX_TERMS);
}

/** Cut as the database does it. */
export const wordsOf = (text: string): string[] =>
  text.split(CUT).filter((word) => /[\p{L}\p{N}]/u.test(word));

/** As to_tsquery reads it, with the configuration `simple`. */
export function tsqueryOf(terms: readonly LogTerm[]): string {
  return terms.map(termOf).join(' & ');
}

function termOf({ words, prefix, without }: LogTerm): string {
  const last = words.length - 1;
  const quoted = words.map((word, index) => `'${word}'${prefix && index === last ? ':*' : ''}`);
  return `${without ? '!' : ''}(${quoted.join(' <-> ')})`;
}
