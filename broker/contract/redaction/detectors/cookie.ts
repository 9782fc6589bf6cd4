/** Cookie and Set-Cookie headers, whole. Pure. Source: RFC 6265. */
import type { Detector } from '../detector.ts';

const HEADER =
  /s?(?:\\{0,3}["'])?\s{0,4}[:=]\s{0,4}\[?\s{0,4}(\\{0,3}["'])?(?=[!#$%&*+.^_|~0-9A-Za-z-]{1,100}=[^\s=])/iy;

export const COOKIE: Detector = {
  name: 'cookie',
  doc: 'Cookie and Set-Cookie headers.',
  anchors: ['cookie'],
  find(text, _at, after, report) {
    HEADER.lastIndex = after;
    const match = HEADER.exec(text);
    if (match === null) return after;
    const start = after + match[0].length;
    const end = endOfHeader(text, start, match[1]);
    report(start, end);
    return end;
  },
};

function endOfHeader(text: string, start: number, quote: string | undefined): number {
  const stop = quote === undefined ? /["'\r\n]/g : /[\r\n]/g;
  stop.lastIndex = start;
  const line = stop.exec(text)?.index ?? text.length;
  if (quote === undefined) return line;
  const closing = text.indexOf(quote, start);
  return closing === -1 || closing > line ? line : closing;
}
