/** The password, or the token that stands in for user and password, before the @ of a URL. Pure. Source: RFC 3986 §3.2.1. */
import { ALNUM, classesOf, DIGIT, endOfRun, LETTER } from '../characters.ts';
import type { Detector } from '../detector.ts';

/** Longest user and password that is looked for. */
const MOST_USER_INFO = 512;
/** Shorter names without a password are users. */
const LEAST_TOKEN = 16;
/** A second address in the same word is looked at on its own, so that each character is walked over once. */
const END = /[\s"'<>`\\]|:\/\//;

export const URL_PASSWORD: Detector = {
  name: 'url-password',
  doc: 'Passwords in addresses like scheme://user:password@host; user and host stay.',
  anchors: ['://'],
  find(text, _at, after, report) {
    const end = endOfAddress(text, after);
    const part = text.slice(after, end);
    const hostEnd = slashAt(part);
    let sign = part.lastIndexOf('@', hostEnd);
    const colon = part.indexOf(':');
    // An unescaped slash in the password, unless what stands before it is a port.
    if (sign === -1 && colon !== -1 && colon < hostEnd && !isPort(part, colon + 1))
      sign = part.lastIndexOf('@');
    if (sign === -1) return end;
    if (colon !== -1 && colon < sign) {
      if (sign > colon + 1) report(after + colon + 1, after + sign);
    } else if (isToken(text, after, after + sign)) report(after, after + sign);
    return end;
  },
};

function endOfAddress(text: string, from: number): number {
  const limit = Math.min(text.length, from + MOST_USER_INFO);
  const stop = text.slice(from, limit).search(END);
  return stop === -1 ? limit : from + stop;
}

function slashAt(part: string): number {
  const slash = part.search(/[/?#]/);
  return slash === -1 ? part.length : slash;
}

function isPort(part: string, from: number): boolean {
  const end = endOfRun(part, from, DIGIT);
  return end > from && end - from <= 5 && (end === part.length || /[/?#,]/.test(part[end] ?? ''));
}

function isToken(text: string, start: number, end: number): boolean {
  if (end - start < LEAST_TOKEN) return false;
  const classes = classesOf(text, start, end);
  return (classes & DIGIT) !== 0 && (classes & LETTER) !== 0 && endOfRun(text, start, ALNUM | 24) >= end;
}
