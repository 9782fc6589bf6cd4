/** Hashes of passwords as /etc/shadow and databases keep them: they can be guessed at leisure. Pure. */
import { ALNUM, DOT, endOfRun, isIn, PLUS_SLASH, WORD } from '../characters.ts';
import type { Detector } from '../detector.ts';

const FIELD = WORD | DOT | PLUS_SLASH;
const LEAST = 26;
const MOST = 512;

export const PASSWORD_HASH: Detector = {
  name: 'password-hash',
  doc: 'Password hashes: crypt, bcrypt, Argon2, scrypt, PBKDF2, SCRAM of PostgreSQL.',
  anchors: [
    '$1$',
    '$5$',
    '$6$',
    '$y$',
    '$2a$',
    '$2b$',
    '$2y$',
    '$argon2',
    '$scrypt$',
    '$pbkdf2',
    'scram-sha-256$',
    '$apr1$',
  ],
  find(text, at, after, report) {
    let end = after;
    while (end < text.length && end < at + MOST && isField(text, end)) end += 1;
    const salt = endOfRun(text, after, WORD | ALNUM);
    if (end - at < LEAST || salt === end) return end;
    report(at, end);
    return end;
  },
};

/** `$`, `,`, `=` stand between the fields. */
function isField(text: string, index: number): boolean {
  const char = text[index];
  return isIn(text, index, FIELD) || char === '$' || char === ',' || char === '=';
}
