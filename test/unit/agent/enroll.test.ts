/** Enrolment against an API that loses replies, refuses and mixes things up. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAuthority, parseCsr } from '#certs';
import { commonNameOf, identityUriOf } from '#contract';
import type { RegisterBody, RegisterReply } from '#web-api';
import { ApiError, type DeviceApi } from '../../../agent/device-api.ts';
import { type EnrollOptions, enroll } from '../../../agent/enroll.ts';
import { HttpsError } from '../../../agent/https.ts';
import { readIdentity } from '../../../agent/identity.ts';
import { openStateFolder } from '../../../agent/state.ts';
import { silentLog } from './silent-log.ts';

const principal = { kind: 'device', org: 'acme', device: '0c8f6a52-4f0e-4f6f-9d3c-0f8d6a1b2c3d' } as const;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'agent-enroll-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const problem = (status: number, code: string) =>
  new ApiError({
    status,
    body: { type: 'x', title: 'Refused', status, code, instance: '1' },
    retryAfterMs: 0,
  });

/** Answers or throws per call; keeps what was asked. */
async function apiThat(
  answers: ReadonlyArray<Error | null>,
): Promise<{ api: DeviceApi; asked: RegisterBody[] }> {
  const authority = await openAuthority({ dir: join(root, 'ca') });
  const asked: RegisterBody[] = [];
  const unused = () => Promise.reject(new Error('not part of the enrolment'));
  const register = (body: RegisterBody): Promise<RegisterReply> => {
    const answer = answers[asked.push(body) - 1];
    if (answer instanceof Error) return Promise.reject(answer);
    const issued = authority.issue({
      csrPem: body.csr ?? '',
      subject: { commonName: commonNameOf(principal), organization: 'acme', unit: 'device' },
      identityUri: identityUriOf(principal),
      days: 60,
    });
    return Promise.resolve({
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
    });
  };
  return { api: { register, heartbeat: unused, renew: unused, issueToken: unused }, asked };
}

const optionsFor = async (api: DeviceApi, more: Partial<EnrollOptions> = {}): Promise<EnrollOptions> => ({
  folder: await openStateFolder(join(root, 'state')),
  token: 'secret-token',
  cloudUrl: 'https://localhost:8443/',
  caPem: null,
  name: 'box',
  mayRename: false,
  type: 'custom',
  hardwareId: 'hw-12345678',
  firmwareVersion: '1.0.0',
  log: silentLog(),
  now: () => new Date(),
  random: () => 0,
  api,
  ...more,
});

describe('enroll', () => {
  it('asks again with the same key when a reply is lost, and stores what came in the end', async () => {
    const lost = new HttpsError(new Error('socket hang up'));
    const { api, asked } = await apiThat([lost, problem(503, 'service.unavailable'), null]);
    const options = await optionsFor(api);
    const identity = await enroll(options);
    expect(asked).toHaveLength(3);
    expect(new Set(asked.map((body) => JSON.stringify(body))).size).toBe(1);
    expect(identity).toMatchObject({ device_id: principal.device, cloud_url: 'https://localhost:8443' });
    expect(await readIdentity(options.folder)).toEqual(identity);
    expect(readdirSync(options.folder.dir).sort()).toEqual([
      'credentials.json',
      'device_id',
      'identity.json',
      'token.json',
    ]);
  });

  it('keeps its key over a command that failed, so that the token is not used twice', async () => {
    const lost = new HttpsError(new Error('connect ECONNREFUSED'));
    const { api, asked } = await apiThat([...Array(6).fill(lost), null]);
    await expect(enroll(await optionsFor(api))).rejects.toMatchObject({ code: 'unreachable' });
    await enroll(await optionsFor(api));
    const keys = asked.map(({ csr }) => parseCsr(csr ?? '').keyThumbprint);
    expect(new Set(keys).size).toBe(1);
  });

  it.each([
    [401, 'enrollment.token_invalid', 'token_invalid', /Create a new one/],
    [409, 'enrollment.hardware_known', 'already_known', /hardware is enrolled already/],
    [409, 'device.name_taken', 'already_known', /--name/],
    [422, 'enrollment.type_mismatch', 'refused', /--type/],
    [422, 'enrollment.csr_invalid', 'refused', /refused/],
  ])('gives up at once on %i %s with a sentence of its own', async (status, code, exit, message) => {
    const { api, asked } = await apiThat([problem(status, code)]);
    const attempt = enroll(await optionsFor(api));
    await expect(attempt).rejects.toMatchObject({ code: exit, message: expect.stringMatching(message) });
    expect(asked).toHaveLength(1);
  });

  it('does not retry a server that is not trusted', async () => {
    const cause = Object.assign(new Error('self-signed certificate'), { code: 'SELF_SIGNED_CERT_IN_CHAIN' });
    const { api, asked } = await apiThat([new HttpsError(cause)]);
    await expect(enroll(await optionsFor(api))).rejects.toThrow(/--ca-file/);
    expect(asked).toHaveLength(1);
  });

  it('adds a suffix to a name that nobody asked for when it is taken', async () => {
    const { api, asked } = await apiThat([problem(409, 'device.name_taken'), null]);
    const identity = await enroll(await optionsFor(api, { mayRename: true }));
    expect(asked.map(({ device_name }) => device_name)).toEqual(['box', 'box-hw-12345']);
    expect(identity.device_name).toBe('box-hw-12345');
  });

  it('refuses to enrol twice into one folder', async () => {
    const { api } = await apiThat([null]);
    await enroll(await optionsFor(api));
    await expect(enroll(await optionsFor(api))).rejects.toThrow(/already holds device/);
  });

  it('asks for https', async () => {
    const { api } = await apiThat([]);
    await expect(enroll(await optionsFor(api, { cloudUrl: 'http://localhost' }))).rejects.toMatchObject({
      code: 'usage',
    });
  });

  it('never writes the token anywhere', async () => {
    const lines: string[] = [];
    const { api } = await apiThat([new HttpsError(new Error('timeout')), null]);
    await enroll(await optionsFor(api, { log: silentLog(lines) }));
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.join()).not.toContain('secret-token');
  });
});
