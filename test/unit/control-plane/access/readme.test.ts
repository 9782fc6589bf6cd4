/** The tables of the room's README say what the code says. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ERRORS } from '../../../../control-plane/errors.ts';
import { SETTINGS } from '../../../../control-plane/settings.ts';

const readme = readFileSync(new URL('../../../../control-plane/README.md', import.meta.url), 'utf8');
const section = (title: string) => readme.split(`## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
const rowsOf = (title: string) =>
  section(title)
    .split('\n')
    .filter((line) => line.startsWith('| `'));

describe('control-plane/README.md', () => {
  it('shows every error with its status and title, and no other', () => {
    const rows = Object.entries(ERRORS).map(
      ([code, { status, title }]) => `| \`${code}\` | ${status} | ${title} |`,
    );
    expect(rowsOf('Errors')).toEqual(rows);
  });

  it('shows every setting with variable, flag, default and doc, and no other', () => {
    const rows = Object.values(SETTINGS).map((setting) => {
      const value = setting.default === null ? '–' : `\`${setting.default}\``;
      return `| \`${setting.env}\` | \`--${setting.flag}\` | ${value} | ${setting.doc} |`;
    });
    expect(rowsOf('Settings')).toEqual(rows);
  });
});
