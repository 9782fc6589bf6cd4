/** Which roots a device takes over its live link, and which it refuses because it could never come back. */
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openAuthority } from '#certs';
import type { Identity } from '../../../agent/identity.ts';
import { openStateFolder } from '../../../agent/state.ts';
import { faultOfRoots, fingerprintOf, openTrust } from '../../../agent/trust.ts';

const dir = mkdtempSync(join(tmpdir(), 'edge-trust-'));
let oldRoot: string;
let newRoot: string;
let issuing: string;
beforeAll(async () => {
  const old = await openAuthority({ dir: join(dir, 'old') });
  oldRoot = old.rootPem;
  issuing = old.generations[0]?.issuingPem ?? '';
  newRoot = (await openAuthority({ dir: join(dir, 'new') })).rootPem;
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const markOf = (pem: string): string => fingerprintOf(new X509Certificate(pem));
const identityWith = (httpsCa: string | null): Identity => ({
  device_id: 'd',
  device_name: 'd',
  organization_slug: 'acme',
  client_id: 'acme/d',
  mqtt_url: 'mqtts://localhost',
  cloud_url: 'https://localhost',
  ca_certificate: oldRoot,
  https_ca: httpsCa,
  firmware_version: '1',
  heartbeat_interval_seconds: 30,
});

describe('faultOfRoots', () => {
  it('takes roots among which is that of the link', () => {
    expect(faultOfRoots(oldRoot + newRoot, markOf(oldRoot))).toBeNull();
    expect(faultOfRoots(newRoot, markOf(newRoot))).toBeNull();
  });
  it('refuses what could lock the device out, and what is no root', () => {
    expect(faultOfRoots(newRoot, markOf(oldRoot))).toMatch(/present link/);
    expect(faultOfRoots(newRoot, null)).toMatch(/present link/);
    expect(faultOfRoots('', markOf(oldRoot))).toMatch(/one to eight/);
    expect(faultOfRoots(oldRoot.repeat(9), markOf(oldRoot))).toMatch(/one to eight/);
    expect(faultOfRoots(oldRoot + issuing, markOf(oldRoot))).toMatch(/no root/);
    expect(
      faultOfRoots(oldRoot.replace(/[A-Za-z]{20}/, 'AAAAAAAAAAAAAAAAAAAA'), markOf(oldRoot)),
    ).not.toBeNull();
  });
});

describe('openTrust', () => {
  it('keeps what it was told over a restart, and says which roots it trusts', async () => {
    const folder = await openStateFolder(join(dir, 'state'));
    const first = await openTrust(folder, identityWith(null));
    expect(first.roots()).toBe(oldRoot);
    expect(first.fact()).toBe(markOf(oldRoot).slice(0, 16));
    await expect(first.replace(newRoot, markOf(oldRoot))).rejects.toMatchObject({ code: 'refused' });
    expect(first.roots()).toBe(oldRoot);
    await first.replace(oldRoot + newRoot, markOf(oldRoot));
    const again = await openTrust(folder, identityWith(null));
    expect(again.roots()).toBe(oldRoot + newRoot);
    expect(again.fact().split(' ')).toEqual([oldRoot, newRoot].map((pem) => markOf(pem).slice(0, 16)));
    expect(again.httpsRoots()).toBeUndefined();
  });
  it('lets the installation’s own root go over HTTPS too, but not what the enrolment was told besides', async () => {
    const folder = await openStateFolder(join(dir, 'https'));
    const own = await openTrust(folder, identityWith(oldRoot));
    await own.replace(newRoot, markOf(newRoot));
    expect(own.httpsRoots()).toBe(newRoot);
    expect((await openTrust(folder, identityWith('OTHER'))).httpsRoots()).toBe(`OTHER\n${newRoot}`);
  });
});
