/** Whether what stands behind the name of a secret is one, or a word of the sentence, a flag, a placeholder, code. Pure. */
import { ALNUM, classesOf, DIGIT, endOfRun, LETTER, LOWER, UPPER, WORD } from './characters.ts';
import { isMarker } from './hits.ts';
import type { Secrecy } from './secret-key.ts';

/** How surely the text says that this is a value: quoted or after `=`; or after a colon or a space as in a sentence. */
export type Binding = 'firm' | 'loose';

/** A longer word in this place is a secret without more questions, so that nobody's text is walked over twice. */
const CERTAIN_CHARS = 64;
const LEAST_OPAQUE = 8;
const LEAST_FIRM = 4;

const NO_SECRET = new Set(
  (
    'null none nil undefined true false yes no on off empty unset set missing invalid required optional expired ok okay ' +
    'failed failure success disabled enabled default unknown incorrect wrong changed rejected denied accepted granted ' +
    'not is was are has must should cannot can the a an and or for from of in to with without n/a na string number boolean ' +
    'bearer basic digest error unauthorized forbidden revoked refreshed rotated loaded valid verified found stored ' +
    'prompt ask file env anonymous peer trust md5 scram-sha-256 sha256 sha512 bcrypt argon2 argon2id plain any object uuid ' +
    'amd64 arm64 armhf i386 riscv64 redacted hidden masked secret password token xxx xxxx xxxxx xxxxxx xxxxxxxx'
  ).split(' '),
);
/** Placeholders of shells, templates, printf; masks. */
const PLACEHOLDER =
  /^(?:\$\{.*|\$\(.*|\$[A-Z_][A-Z0-9_]*|\{\{.*|\{[a-zA-Z_.]*\}|%[sdv]|%\(\w{1,40}\)s|<[^>]{0,60}>?|\[[^\]]{0,60}\]?|\*+|x{3,}|\.{2,}|•+|-+|_+|\?+|\(.*|\)|[;,.:=|&!/\\]+)$/;
/** `config.password`, `getToken(`, `process.env.SECRET`: a program's words. */
const CODE =
  /^[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*(?:\(.*|\[\w{0,20}\].*)$|^(?:this|self|process|config|settings|options|os|env|req|request|input|params|args|ctx|data|user|body)\.[\w.$]+$/;

/** @param value without its quotes; [start, end) of text. `sentence`: a lower-case word follows it after a space. */
export function isSecretValue(
  text: string,
  { start, end }: { readonly start: number; readonly end: number },
  secrecy: Secrecy,
  { binding, sentence }: { readonly binding: Binding; readonly sentence: boolean },
): boolean {
  const length = end - start;
  if (length === 0) return false;
  if (length > CERTAIN_CHARS) return true;
  if (secrecy === 'opaque' && length < (binding === 'firm' ? LEAST_FIRM : LEAST_OPAQUE)) return false;
  if (isMarker(text, start, end)) return false;
  const value = text.slice(start, end);
  if (
    NO_SECRET.has(value.replace(/[.,;:!?]+$/, '').toLowerCase()) ||
    PLACEHOLDER.test(value) ||
    CODE.test(value)
  )
    return false;
  const classes = classesOf(text, start, end);
  const isWord =
    endOfRun(text, start, LOWER) >= end || (isCapitalised(text, start, end) && binding === 'loose');
  if (secrecy === 'password') return !(isWord && sentence);
  if (/^\/[\w./-]*$/.test(value) || /^\d{1,9}$/.test(value)) return false;
  if (binding === 'firm') return !(isWord && length < LEAST_OPAQUE);
  return isOpaque(classes, value);
}

function isCapitalised(text: string, start: number, end: number): boolean {
  return (classesOf(text, start, start + 1) & UPPER) !== 0 && endOfRun(text, start + 1, LOWER) >= end;
}

/** Letters and digits mixed, or both cases in the middle of a long word. */
function isOpaque(classes: number, value: string): boolean {
  if ((classes & DIGIT) !== 0 && (classes & LETTER) !== 0) return true;
  return (
    value.length >= 20 &&
    (classes & LETTER) === LETTER &&
    endOfRun(value, 0, WORD) === value.length &&
    (classes & ALNUM) !== 0
  );
}
