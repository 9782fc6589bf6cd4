import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSettings, SETTINGS } from '../../../control-plane/settings.ts';
import {
  renderEnvExample,
  renderHelp,
  settingsAsEnv,
} from '../../../control-plane/supervisor/settings-text.ts';

describe('settingsAsEnv', () => {
  it('lets a child read the same settings', () => {
    const settings = readSettings(
      ['--http-port', '0', '--no-local-agent', '--dev', '--devices=7', '--admin-password', 'a b=c #d "e"'],
      { DATABASE_URL: 'postgres://u:p@h/d', DEVICE_CERTIFICATE_DAYS: '0.5' },
    );
    expect(readSettings([], settingsAsEnv(settings))).toEqual(settings);
  });
});

describe.each([
  ['renderHelp', renderHelp()],
  ['renderEnvExample', renderEnvExample()],
])('%s', (_name, text) => {
  it.each(Object.values(SETTINGS).map(({ env }) => env))('knows %s', (env) => expect(text).toContain(env));
});

it('.env.example is current', () => {
  expect(readFileSync(resolve(import.meta.dirname, '../../../.env.example'), 'utf8')).toBe(
    renderEnvExample(),
  );
});
