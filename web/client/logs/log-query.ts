/** The search words of the log view applied to one line, as the server applies them to stored ones. Pure. */
import type { LogLevel } from '#contract';

interface Term {
  readonly text: string;
  readonly kind: 'word' | 'prefix' | 'phrase';
  readonly isUnwanted: boolean;
}
export type LineTest = (line: {
  readonly log_level: LogLevel;
  readonly service_name: string;
  readonly message: string;
}) => boolean;

const TERMS = /(-?)(?:"([^"]*)"|(\S+))/g;
const WORD = /[\p{L}\p{N}_]+/gu;

/** Words, all of which must occur; "a phrase"; prefix*; -without. Case does not matter. */
export function readTerms(query: string): readonly Term[] {
  const terms: Term[] = [];
  for (const [, minus, phrase, word] of query.toLowerCase().matchAll(TERMS)) {
    const isUnwanted = minus === '-';
    if (phrase !== undefined) terms.push(...asTerms(phrase, 'phrase', isUnwanted));
    else if (word !== undefined)
      terms.push(...asTerms(word, word.endsWith('*') ? 'prefix' : 'word', isUnwanted));
  }
  return terms;
}

/** `a-b` is two words that stand beside each other, so it is looked for as a phrase. */
function asTerms(text: string, kind: Term['kind'], isUnwanted: boolean): readonly Term[] {
  const words = text.match(WORD) ?? [];
  const [first] = words;
  if (first === undefined) return [];
  if (words.length === 1 && kind !== 'phrase') return [{ text: first, kind, isUnwanted }];
  return [{ text: words.join(' '), kind: 'phrase', isUnwanted }];
}

export function lineTest(filter: {
  readonly levels: readonly LogLevel[];
  readonly service: string;
  readonly text: string;
}): LineTest {
  const terms = readTerms(filter.text);
  const levels = new Set(filter.levels);
  return (line) => {
    if (levels.size > 0 && !levels.has(line.log_level)) return false;
    if (filter.service !== '' && filter.service !== line.service_name) return false;
    if (terms.length === 0) return true;
    const words = line.message.toLowerCase().match(WORD) ?? [];
    const joined = ` ${words.join(' ')} `;
    return terms.every((term) => occurs(term, words, joined) !== term.isUnwanted);
  };
}

function occurs(term: Term, words: readonly string[], joined: string): boolean {
  if (term.kind === 'prefix') return words.some((word) => word.startsWith(term.text));
  return joined.includes(` ${term.text} `);
}
