/** JSON Web Tokens, signed or encrypted, also those of our own devices. Pure. Source: RFC 7519, RFC 7516. */
import { DOT, endOfRun, isIn, WORD } from '../characters.ts';
import type { Detector } from '../detector.ts';

/** `{"alg":""}` is 14 characters in base64url. */
const LEAST_HEADER = 12;
const LEAST_PAYLOAD = 4;
/** Header, key, vector, text, tag of an encrypted one. */
const MOST_PARTS = 5;

export const JWT: Detector = {
  name: 'jwt',
  doc: 'JSON Web Tokens, whole or without their signature.',
  // `{"` in base64.
  anchors: ['eyj'],
  find(text, at, after, report) {
    if (!text.startsWith('eyJ', at)) return at + 1;
    const header = endOfRun(text, after, WORD);
    if (!isIn(text, header, DOT) || header - at < LEAST_HEADER) return header;
    let end = endOfRun(text, header + 1, WORD);
    // An encrypted one may have an empty second part.
    if (end - header - 1 < LEAST_PAYLOAD && !isIn(text, end, DOT)) return header;
    for (let parts = 2; parts < MOST_PARTS && isIn(text, end, DOT); parts += 1) {
      end = endOfRun(text, end + 1, WORD);
    }
    report(at, end);
    return end;
  },
};
