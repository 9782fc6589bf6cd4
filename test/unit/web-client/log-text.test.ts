import { describe, expect, it } from 'vitest';
import { visibleParts, visibleText } from '../../../web/client/logs/log-text.ts';

describe('visibleText', () => {
  it.each([
    [
      'leaves plain text as it is',
      'GET /x 200 – größer als 5 €, 日本語 🙂',
      'GET /x 200 – größer als 5 €, 日本語 🙂',
    ],
    ['shows colour sequences', '\u001b[31mred\u001b[0m', '<ESC[31m>red<ESC[0m>'],
    ['shows a title sequence without acting on it', '\u001b]0;owned\u0007x', '<ESC]0;owned>x'],
    ['shows what turns the direction round', 'user\u202Egpj.exe', 'user<U+202E>gpj.exe'],
    ['shows isolates', '\u2066x\u2069', '<U+2066>x<U+2069>'],
    ['shows what has no width', 'pay\u200Bpal\uFEFF', 'pay<U+200B>pal<U+FEFF>'],
    ['shows NUL, BEL and backspace', 'a\u0000b\u0007c\u0008', 'a<NUL>b<BEL>c<BS>'],
    ['shows carriage returns that would overwrite', 'good\rbad', 'good<CR>bad'],
    ['shows tag characters', 'x\u{e0041}', 'x<U+E0041>'],
    ['shows line separators of Unicode', 'a\u2028b', 'a<U+2028>b'],
    ['keeps tabs and newlines', 'a\tb\nc', 'a\tb\nc'],
  ])('%s', (_sentence, text, shown) => {
    expect(visibleText(text)).toBe(shown);
  });

  it('bounds what it shows of an endless sequence', () => {
    const [mark] = visibleParts(`\u001b]${'x'.repeat(10_000)}`);
    expect(mark?.isMark).toBe(true);
    expect(mark?.text.length).toBeLessThan(40);
  });

  it('loses nothing else', () => {
    const text = 'a\u001b[1mb\u202Ec';
    const plain = visibleParts(text).filter((part) => !part.isMark);
    expect(plain.map((part) => part.text).join('')).toBe('abc');
  });
});
