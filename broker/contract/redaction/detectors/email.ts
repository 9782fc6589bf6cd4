/** Mail addresses. Pure. */
import { ALNUM, DASH, DIGIT, DOT, endOfRun, isIn, LETTER, startOfRun, WORD } from '../characters.ts';
import type { Detector } from '../detector.ts';

/** RFC 5321 §4.5.3.1. */
const MOST_LOCAL = 64;
const MOST_DOMAIN = 255;
const MOST_TOP = 24;
/** What follows an @ in names of units, images and modules, and is no top-level domain. */
const NOT_TOP = new Set(
  (
    'service socket timer mount automount target slice scope device swap path conf png jpg jpeg svg gif webp ico ' +
    'js mjs cjs ts tsx jsx css html json yaml yml xml txt log gz xz zip tgz tar so lock pid sock local localdomain internal ' +
    'lan whl deb rpm sh py rb java class lan md example_'
  ).split(' '),
);

export const EMAIL: Detector = {
  name: 'email',
  doc: 'Mail addresses.',
  anchors: ['@', '%40'],
  find(text, at, after, report) {
    const start = startOfLocal(text, at);
    const end = endOfDomain(text, after);
    if (start === at || end === null) return after;
    // The last part of a URL's credentials, or git's ssh address, is no person.
    const before = text[start - 1];
    if (isUserInfo(text, start) || (before === '/' && text[start - 2] === '/')) return after;
    if (text.slice(start, at) === 'git') return after;
    report(start, end);
    return end;
  },
};

function startOfLocal(text: string, at: number): number {
  let start = at;
  const limit = Math.max(0, at - MOST_LOCAL);
  while (start > limit && (isIn(text, start - 1, WORD | DOT) || text[start - 1] === '+')) start -= 1;
  while (start < at && !isIn(text, start, ALNUM)) start += 1;
  // The letters of an escaped line end are not the address's.
  if (text[start - 1] === '\\' && /[nrt]/.test(text[start] ?? '')) start += 1;
  return start;
}

/** Null where the labels do not end in a name that could be a top-level domain. */
function endOfDomain(text: string, from: number): number | null {
  let end = endOfRun(text, from, ALNUM | DASH | DOT, Math.min(text.length, from + MOST_DOMAIN));
  while (end > from && isIn(text, end - 1, DOT | DASH)) end -= 1;
  const top = startOfRun(text, end, ALNUM | DASH, from);
  if (top <= from + 1 || !isIn(text, top - 1, DOT) || isIn(text, from, DOT | DASH)) return null;
  const length = end - top;
  if (length < 2 || length > MOST_TOP || !isIn(text, end - 1, LETTER)) return null;
  const name = text.slice(top, end).toLowerCase();
  if (NOT_TOP.has(name) || (isIn(text, top, DIGIT) && !name.startsWith('xn--'))) return null;
  return isIn(text, end, WORD) ? null : end;
}

const MOST_SCHEME = 40;

/** Whether `scheme://user:` stands directly before. */
function isUserInfo(text: string, start: number): boolean {
  if (text[start - 1] !== ':' && text[start - 1] !== '@') return false;
  const before = text.slice(Math.max(0, start - MOST_LOCAL - MOST_SCHEME), start);
  return /[a-z0-9]:\/\/[^\s/'"]{1,64}$/i.test(before);
}
