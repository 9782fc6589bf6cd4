/** The agent's pure decisions: waiting, suspecting, choosing keys, claiming a state, being due. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { backoffMs, RECONNECT_BACKOFF } from '../../../agent/backoff.ts';
import { AGENT_ERRORS } from '../../../agent/errors.ts';
import { deriveHardwareId } from '../../../agent/hardware-id.ts';
import { claimOf, nextBeatMs } from '../../../agent/heartbeat.ts';
import { parseRetryAfter } from '../../../agent/https.ts';
import { afterFailure, afterSuccess, choosePair, FRESH_TRIAL } from '../../../agent/pair-choice.ts';
import { afterAnswer, afterDrop, isMuted, MUTE_MS, QUIET } from '../../../agent/publish-guard.ts';
import { renewalDueAt } from '../../../agent/renewal.ts';
import { COMMANDS, FLEET_SETTINGS, readSettings } from '../../../agent/settings.ts';
import { AGENT_VERSION } from '../../../agent/version.ts';

describe('backoffMs', () => {
  it('doubles its ceiling from 1 s to 5 min with full jitter', () => {
    const ceilings = [1, 2, 3, 9, 10, 50].map((failures) => backoffMs(failures, () => 1));
    expect(ceilings).toEqual([1000, 2000, 4000, 256_000, 300_000, 300_000]);
    expect(backoffMs(10, () => 0)).toBe(0);
    expect(backoffMs(0, () => 1)).toBe(1000);
  });

  it('waits no longer than a minute for a server that does not answer', () => {
    expect(backoffMs(10, () => 1, RECONNECT_BACKOFF, 0, false)).toBe(60_000);
    expect(backoffMs(2, () => 1, RECONNECT_BACKOFF, 0, false)).toBe(2000);
  });

  it('never undercuts the server’s retry-after', () => {
    expect(backoffMs(1, () => 0, RECONNECT_BACKOFF, 5000)).toBe(5000);
    expect(backoffMs(20, () => 1, RECONNECT_BACKOFF, 5000)).toBe(10_000);
  });
});

describe('the publish guard', () => {
  const drop = (state: typeof QUIET, ageMs = 10) => afterDrop(state, { channel: 'metrics', ageMs }, 1000);

  it('mutes a channel after three drops that follow its publish, for an hour', () => {
    const third = drop(drop(drop(QUIET).state).state);
    expect(third.muted).toBe('metrics');
    expect(isMuted(third.state, 'metrics', 1000)).toBe(true);
    expect(isMuted(third.state, 'heartbeat', 1000)).toBe(false);
    expect(isMuted(third.state, 'metrics', 1000 + MUTE_MS)).toBe(false);
  });

  it('clears the suspicion when the broker answers, and does not count drops long after', () => {
    const answered = afterAnswer(drop(drop(QUIET).state).state, 'metrics');
    expect(drop(answered).muted).toBeNull();
    expect(drop(drop(drop(QUIET, 60_000).state, 60_000).state, 60_000).muted).toBeNull();
    expect(afterDrop(QUIET, null, 0)).toEqual({ state: QUIET, muted: null });
  });

  it('starts over when another publish is the unanswered one', () => {
    const other = afterDrop(drop(drop(QUIET).state).state, { channel: 'heartbeat', ageMs: 1 }, 0);
    expect(other.state.suspect).toEqual({ channel: 'heartbeat', drops: 1 });
  });
});

describe('choosing between the old and the renewed pair', () => {
  it('tries the renewed one first and takes turns after failures', () => {
    expect(choosePair(FRESH_TRIAL, false)).toBe('current');
    expect(choosePair(FRESH_TRIAL, true)).toBe('next');
    const failed = afterFailure(FRESH_TRIAL, 'next');
    expect(choosePair(failed, true)).toBe('current');
    expect(choosePair(afterFailure(failed, 'current'), true)).toBe('next');
  });

  it('gives the renewed one up only when the old one worked beside it three times', () => {
    let trial = FRESH_TRIAL;
    const outcomes: boolean[] = [];
    for (let round = 0; round < 3; round += 1) {
      const outcome = afterSuccess(afterFailure(trial, 'next'), 'current');
      trial = outcome.trial;
      outcomes.push(outcome.giveUpNext);
    }
    expect(outcomes).toEqual([false, false, true]);
  });

  it('blames nobody while neither works', () => {
    const bothFailed = afterFailure(afterFailure(FRESH_TRIAL, 'next'), 'current');
    expect(afterSuccess(bothFailed, 'current').trial.nextFailures).toBe(0);
  });
});

describe('renewalDueAt', () => {
  it('lies around two thirds of the certificate’s life', () => {
    const life = { serial: 'aa', notBefore: new Date(0), notAfter: new Date(60_000) };
    expect(renewalDueAt(life, 0.5).getTime()).toBe(40_000);
    expect(renewalDueAt(life, 0).getTime()).toBeCloseTo(37_000, -1);
    expect(renewalDueAt(life, 1).getTime()).toBeCloseTo(43_000, -1);
  });
});

describe('claimOf', () => {
  it('is degraded only for a watched service that does not run', () => {
    const services = [
      { name: 'vllm', status: 'failed' as const },
      { name: 'docker', status: 'running' as const },
    ];
    expect(claimOf(services, new Set())).toBe('online');
    expect(claimOf(services, new Set(['docker']))).toBe('online');
    expect(claimOf(services, new Set(['vllm']))).toBe('degraded');
    expect(claimOf([], new Set(['vllm']))).toBe('degraded');
  });
});

it('beats within ten percent of its interval', () => {
  expect([0, 0.5, 1].map((roll) => nextBeatMs(30_000, () => roll))).toEqual([27_000, 30_000, 33_000]);
});

describe('deriveHardwareId', () => {
  const machineId = '0123456789abcdef0123456789abcdef';
  it('hides the machine id and stays the same', () => {
    const id = deriveHardwareId({ machineId: `${machineId}\n`, dmiUuid: null });
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(id).not.toBe(machineId);
    expect(deriveHardwareId({ machineId, dmiUuid: 'x' })).toBe(id);
  });

  it('falls back to the firmware’s UUID, but not to what vendors ship unset', () => {
    const dmiUuid = '4C4C4544-0042-3510-8051-B4C04F4D3432';
    expect(deriveHardwareId({ machineId: 'uninitialized', dmiUuid })).toMatch(/^[0-9a-f]{32}$/);
    expect(deriveHardwareId({ machineId: null, dmiUuid: '00000000-0000-0000-0000-000000000000' })).toBeNull();
    expect(deriveHardwareId({ machineId: null, dmiUuid: '03000200-0400-0500-0006-000700080009' })).toBeNull();
    expect(deriveHardwareId({ machineId: null, dmiUuid: null })).toBeNull();
  });
});

describe('readSettings', () => {
  const enroll = COMMANDS.enroll.settings;
  const required = ['--token', 't', '--cloud-url=https://h:8443'];

  it('takes flags over environment over defaults', () => {
    const settings = readSettings(enroll, [...required, '--type', 'gateway'], {
      EDGE_AGENT_TYPE: 'custom',
      EDGE_AGENT_NAME: 'box',
    });
    expect(settings).toMatchObject({
      type: 'gateway',
      name: 'box',
      stateDir: '/var/lib/edge-agent',
      caFile: null,
    });
  });

  it.each([
    ['an unknown option', [...required, '--nope', 'x'], /--nope/],
    ['a word that is no option', [...required, 'x'], /^x:/],
    ['a missing value', ['--token'], /--token needs a value/],
    ['a missing required option', ['--token', 't'], /--cloud-url is missing/],
    ['a value outside of its list', [...required, '--type', 'toaster'], /--type is not valid/],
  ])('refuses %s and names it', (_sentence, argv, message) => {
    expect(() => readSettings(enroll, argv, {})).toThrow(message);
  });

  it('reads numbers where numbers are meant, and text of digits where text is', () => {
    expect(readSettings(COMMANDS.run.settings, ['--heartbeat-seconds', '5'], {}).heartbeatSeconds).toBe(5);
    expect(readSettings(enroll, [...required, '--name', '42'], {}).name).toBe('42');
    expect(readSettings(FLEET_SETTINGS, [...required, '--devices', '1000'], {}).devices).toBe(1000);
    expect(() => readSettings(FLEET_SETTINGS, [...required, '--devices', 'many'], {})).toThrow(/--devices/);
  });
});

it('honours retry-after in seconds, up to an hour', () => {
  expect([undefined, '5', '99999', 'Mon, 23 Nov 2026 06:00:00 GMT'].map(parseRetryAfter)).toEqual([
    0, 5000, 3_600_000, 0,
  ]);
});

describe('the room’s documents', () => {
  const root = join(import.meta.dirname, '../../..');
  const readme = readFileSync(join(root, 'agent/README.md'), 'utf8');

  it('name the version of package.json', () => {
    expect(readFileSync(join(root, 'package.json'), 'utf8')).toContain(`"version": "${AGENT_VERSION}"`);
  });

  it('list every option and every exit code', () => {
    const flags = Object.values(COMMANDS).flatMap(({ settings }) =>
      Object.values(settings).map(({ flag }) => flag),
    );
    for (const flag of [...flags, ...Object.values(FLEET_SETTINGS).map((setting) => setting.flag)]) {
      expect(readme).toContain(`\`--${flag}\``);
    }
    for (const { exitCode, title } of Object.values(AGENT_ERRORS)) {
      expect(readme).toMatch(new RegExp(`\\| ${exitCode} +\\| ${title} +\\|`));
    }
  });
});
