/** A registration that waits for people: how it asks, what it keeps, how it ends. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAuthority } from '#certs';
import { commonNameOf, identityUriOf } from '#contract';
import type { RegisterBody, RegisterReply } from '#web-api';
import { ApiError, type DeviceApi } from '../../../agent/device-api.ts';
import { type EnrollOptions, enroll, resumeEnrollment } from '../../../agent/enroll.ts';
import { HttpsError } from '../../../agent/https.ts';
import { readPending, waitAfter } from '../../../agent/pending-enrollment.ts';
import { openStateFolder } from '../../../agent/state.ts';
import { silentLog } from './silent-log.ts';

const principal = { kind: 'device', org: 'acme', device: '0c8f6a52-4f0e-4f6f-9d3c-0f8d6a1b2c3d' } as const;
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'agent-pending-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const answer = (status: number, code: string, retryAfterMs = 0) =>
  new ApiError({ status, body: { type: 'x', title: 'No', status, code, instance: '1' }, retryAfterMs });
/** As short as a server may ask for, so that the tests wait for nothing. */
const pending = () => answer(403, 'enrollment.pending', 1);
const rejected = () => answer(403, 'enrollment.rejected', 1);

async function apiThat(
  answers: readonly (() => Error)[],
): Promise<{ api: DeviceApi; asked: RegisterBody[] }> {
  const authority = await openAuthority({ dir: join(root, 'ca') });
  const asked: RegisterBody[] = [];
  const unused = () => Promise.reject(new Error('not part of the enrolment'));
  const register = async (body: RegisterBody): Promise<RegisterReply> => {
    const failure = answers[asked.push(body) - 1];
    if (failure !== undefined) throw failure();
    const issued = authority.issue({
      csrPem: body.csr ?? '',
      subject: { commonName: commonNameOf(principal), organization: 'acme', unit: 'device' },
      identityUri: identityUriOf(principal),
      days: 60,
    });
    return {
      device_id: principal.device,
      auth_token: 'jwt',
      auth_token_expires_at: '2026-11-23T07:00:00.000Z',
      organization_id: principal.device,
      organization_slug: 'acme',
      certificate_chain: issued.chainPem,
      ca_certificate: authority.rootPem,
      mqtt_url: 'mqtts://localhost:8883',
      client_id: commonNameOf(principal),
      heartbeat_interval_seconds: 30,
    };
  };
  const api = { register, heartbeat: unused, renew: unused, issueToken: unused };
  return { api: api as unknown as DeviceApi, asked };
}

const optionsFor = async (api: DeviceApi, more: Partial<EnrollOptions> = {}): Promise<EnrollOptions> => ({
  folder: await openStateFolder(join(root, 'state')),
  token: 'secret-token',
  cloudUrl: 'https://localhost:8443/',
  caPem: null,
  name: 'box',
  mayRename: false,
  type: 'gateway',
  hardwareId: 'hw-12345678',
  firmwareVersion: '1.0.0',
  log: silentLog(),
  now: () => new Date(),
  random: () => 0,
  api,
  ...more,
});
const keyOf = (body: RegisterBody | undefined) => ({ ...body, csr: undefined });

describe('enroll', () => {
  it('waits for the decision with one key and leaves nothing of the token behind', async () => {
    const { api, asked } = await apiThat([pending, pending, pending]);
    const options = await optionsFor(api);
    expect((await enroll(options)).device_id).toBe(principal.device);
    expect(asked).toHaveLength(4);
    expect(new Set(asked.map(({ csr }) => csr)).size).toBe(1);
    expect(readdirSync(options.folder.dir)).not.toContain('enrollment.json');
  });

  it('gives up after the time it was given, and keeps what `run` needs, for its owner alone', async () => {
    const { api } = await apiThat([pending, pending]);
    const options = await optionsFor(api, { approvalWaitMs: 0 });
    await expect(enroll(options)).rejects.toMatchObject({ code: 'pending' });
    expect(await readPending(options.folder)).toMatchObject({ token: 'secret-token', device_name: 'box' });
    expect((await stat(options.folder.path('enrollment.json'))).mode & 0o777).toBe(0o600);
  });

  it('ends with the reason when the registration is rejected', async () => {
    const { api } = await apiThat([pending, rejected]);
    await expect(enroll(await optionsFor(api))).rejects.toMatchObject({
      code: 'refused',
      serverCode: 'enrollment.rejected',
    });
  });

  it('keeps the name that was free in the end', async () => {
    const { api, asked } = await apiThat([() => answer(409, 'device.name_taken'), pending]);
    const options = await optionsFor(api, { mayRename: true });
    expect((await enroll(options)).device_name).toBe('box-hw-12345');
    expect(asked.at(-1)?.device_name).toBe('box-hw-12345');
  });
});

describe('resumeEnrollment', () => {
  it('asks for the same thing with the same key after a restart, through rejections and lost networks', async () => {
    const first = await apiThat([pending, pending]);
    const options = await optionsFor(first.api, { approvalWaitMs: 0 });
    await enroll(options).catch(() => undefined);
    const lost = () => new HttpsError(new Error('socket hang up'));
    const second = await apiThat([pending, rejected, pending]);
    const folder = await openStateFolder(options.folder.dir);
    const identity = await resumeEnrollment({ ...options, folder, api: second.api });
    expect(identity?.device_id).toBe(principal.device);
    expect(keyOf(second.asked[0])).toEqual(keyOf(first.asked[0]));
    expect(second.asked[0]?.csr).toBeDefined();
    expect(await readPending(folder)).toBeNull();
    expect(waitAfter(lost(), () => 0)).toEqual({ waitMs: 60_000, isPending: false });
  });

  it('has nothing to do without a registration that waits, and stops at the signal', async () => {
    const { api } = await apiThat([]);
    const options = await optionsFor(api);
    expect(await resumeEnrollment(options)).toBeNull();
    const stopping = new AbortController();
    const slow = () => {
      stopping.abort();
      return answer(403, 'enrollment.pending', 3_600_000);
    };
    const waiting = await apiThat([pending, slow]);
    await enroll({ ...options, api: waiting.api, approvalWaitMs: 0 }).catch(() => undefined);
    const late = await apiThat([slow]);
    expect(await resumeEnrollment({ ...options, api: late.api, signal: stopping.signal })).toBeNull();
  });
});

describe('waitAfter', () => {
  it.each([
    [
      'as long as the server says, and up to half of it more',
      answer(403, 'enrollment.pending', 30_000),
      45_000,
      true,
    ],
    ['an hour after a rejection', answer(403, 'enrollment.rejected', 3_600_000), 5_400_000, false],
    ['an hour where only people can help', answer(401, 'enrollment.token_invalid'), 5_400_000, false],
    ['a minute where the server is busy', answer(503, 'service.unavailable'), 90_000, false],
  ])('%s', (_sentence, error, longestMs, isPending) => {
    expect(waitAfter(error, () => 1)).toEqual({ waitMs: longestMs, isPending });
    expect(waitAfter(error, () => 0).waitMs).toBe(longestMs / 1.5);
  });
});
