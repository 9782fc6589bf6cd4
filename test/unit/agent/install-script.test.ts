/** The installer as text: valid bash, safe quoting, and what it does before it needs a server. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { renderInstallScript, shellQuote } from '../../../agent/install/install-script.ts';

const caPem = '-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n';
const script = renderInstallScript({ cloudUrl: 'https://edge.example.org:8443', caPem });
const bash = (args: readonly string[], input: string = script) =>
  spawnSync('bash', ['-s', '--', ...args], { input, encoding: 'utf8' });

describe('the install script', () => {
  it('is valid bash', () => {
    const { status, stderr } = spawnSync('bash', ['-n'], { input: script, encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  });

  it('shows its usage and fails without a token (SD-I1)', () => {
    const { status, stderr } = bash([]);
    expect(status).toBe(1);
    expect(stderr).toContain('Usage: ./install_edge_agent.sh <REGISTRATION_TOKEN>');
    expect(script).toContain('set -euo pipefail');
  });

  it.each([
    ['an unknown option', ['token', '--nope'], 'no such option'],
    ['a path that could break the unit file', ['token', '--prefix', '/opt/a b'], 'absolute path'],
    ['a relative path', ['token', '--state-dir', 'here'], 'absolute path'],
    ['two tokens', ['one', 'two'], 'only one token'],
    ['an option without its value', ['token', '--name'], 'needs a value'],
  ])('refuses %s', (_sentence, args, message) => {
    const { status, stderr } = bash(args);
    expect([status, stderr]).toEqual([1, expect.stringContaining(message)]);
  });

  it('embeds address and CA without letting them become commands', () => {
    expect(script).toContain("CLOUD_URL='https://edge.example.org:8443'\n");
    expect(script).toContain(caPem);
    expect(() => renderInstallScript({ cloudUrl: 'http://edge.example.org', caPem })).toThrow(RangeError);
    expect(() => renderInstallScript({ cloudUrl: 'https://a', caPem: 'CA_END\nrm -rf /\n' })).toThrow(
      RangeError,
    );
    const hostile = renderInstallScript({ cloudUrl: "https://edge.example.org/';id;'$(id)", caPem });
    expect(hostile).toContain("CLOUD_URL='https://edge.example.org'\n");
  });
});

it('quotes any word for the shell', () => {
  for (const word of ["it's", '$(id)', '`id`', 'a b', '"', '\\', '']) {
    const { stdout } = spawnSync('bash', ['-c', `printf %s ${shellQuote(word)}`], { encoding: 'utf8' });
    expect(stdout).toBe(word);
  }
});
