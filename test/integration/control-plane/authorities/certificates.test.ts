/** The board of certificates and the change of authority, over a real database, with a second organisation. */
import { randomUUID, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCsr, createKeyPair } from '#certs';
import { decodeValue } from '#contract';
import { CertificateEntry, CertificateSummary } from '#web-api';
import { carryOn } from '../../../../control-plane/authorities/change.ts';
import { openOpenssl } from '../../../support/openssl.ts';
import {
  auditOf,
  HOUR_MS,
  type Installation,
  originOf,
  startInstallation,
  until,
} from '../access/installation.ts';

const DAY_MS = 24 * HOUR_MS;
let installation: Installation;
beforeAll(async () => {
  installation = await startInstallation();
});
afterAll(() => installation?.stop());

async function enrol(name: string) {
  const { controlPlane, acmeAdmin, acme } = installation;
  const { token } = await controlPlane.enrollment.createToken(acmeAdmin, { organization_id: acme.id });
  return controlPlane.enrollment.register(
    {
      device_name: name,
      device_type: 'gateway',
      hardware_id: `hw-${name}`,
      firmware_version: '1.0.0',
      registration_token: token,
      csr: createCsr(createKeyPair().privateKeyPem),
    },
    originOf('203.0.113.1'),
  );
}
const serialOf = (chainPem: string): string => new X509Certificate(chainPem).serialNumber.toLowerCase();
const nothing = () => undefined;
const logged = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const goOn = () => {
  const { database, authority, clock } = installation;
  return carryOn({ database, authority, log: logged, now: () => new Date(Date.now() + clock.aheadMs) });
};

describe('the board', () => {
  it('lists certificates of the caller’s organisations by the end of their life, with filters', async () => {
    const { controlPlane, acmeMember, globexAdmin, acme, systemAdmin } = installation;
    const serial = serialOf((await enrol('board')).certificate_chain);
    const { certificates } = controlPlane;
    const page = await certificates.list(acmeMember, { search: 'board' });
    expect(page.items).toHaveLength(1);
    expect(decodeValue(CertificateEntry, page.items[0])).toMatchObject({ ok: true });
    expect(page.items[0]).toMatchObject({
      serial,
      kind: 'device',
      state: 'pending',
      holder: 'board',
      authority_id: 'ca',
    });
    expect((await certificates.list(globexAdmin, {})).items).toEqual([]);
    const found = async (query: Parameters<typeof certificates.list>[1]) =>
      (await certificates.list(systemAdmin, { org_id: acme.id, search: serial, ...query })).total;
    expect(await found({ state: 'pending' })).toBe(1);
    expect(await found({ state: 'active' })).toBe(0);
    expect(await found({ kind: 'integrator' })).toBe(0);
    expect(await found({ expires_before: new Date(Date.now() + 61 * DAY_MS).toISOString() })).toBe(1);
    expect(await found({ expires_before: new Date(Date.now() + 59 * DAY_MS).toISOString() })).toBe(0);
    expect(await found({ search: '%' })).toBe(0);
  });

  it('pages without a gap', async () => {
    const { controlPlane, acmeMember } = installation;
    for (const name of ['page-a', 'page-b', 'page-c']) await enrol(name);
    const seen: string[] = [];
    let cursor: string | null | undefined;
    do {
      const page = await controlPlane.certificates.list(acmeMember, {
        search: 'page-',
        page_size: 1,
        ...(cursor === undefined || cursor === null ? {} : { cursor }),
      });
      seen.push(...page.items.map(({ holder }) => holder ?? ''));
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(seen.sort()).toEqual(['page-a', 'page-b', 'page-c']);
  });

  it('counts by what is left of their life, and shows what the installation holds to those who may read it', async () => {
    const { controlPlane, acmeMember, acmeAdmin, globexAdmin, clock, authority } = installation;
    await authority.publishLists([]);
    const { certificates } = controlPlane;
    const before = await certificates.summary(acmeMember, {});
    expect(decodeValue(CertificateSummary, before)).toMatchObject({ ok: true });
    expect(before.installation).toBeNull();
    expect(before.later).toBeGreaterThan(0);
    clock.aheadMs = 59.5 * DAY_MS;
    expect(await certificates.summary(acmeMember, {})).toMatchObject({ within_day: before.later, later: 0 });
    const { installation: own } = await certificates.summary(acmeAdmin, {});
    expect(own?.certificates.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['ca', 'ca']));
    expect(own?.revocation_lists).toMatchObject([{ authority_id: 'ca', is_worn: true }]);
    clock.aheadMs = 61 * DAY_MS;
    expect(await certificates.summary(acmeMember, {})).toMatchObject({
      within_day: 0,
      expired: before.later,
    });
    clock.aheadMs = 0;
    expect(await certificates.summary(globexAdmin, {})).toMatchObject({ later: 0, revoked: 0 });
    expect((await certificates.list(acmeMember, { kind: 'ca' })).items).toEqual([]);
    expect((await certificates.list(acmeAdmin, { kind: 'ca' })).total).toBe(2);
  });

  it('revokes one certificate, tells the brokers, and leaves one row', async () => {
    const { controlPlane, acmeAdmin, acmeMember, globexAdmin, database, revokedSerials } = installation;
    const serial = serialOf((await enrol('revoked')).certificate_chain);
    const { certificates } = controlPlane;
    const body = { reason: 'key lost' };
    await expect(certificates.revoke(acmeMember, serial, body)).rejects.toMatchObject({
      code: 'auth.forbidden',
    });
    for (const foreign of [serial, randomUUID().replaceAll('-', '')]) {
      await expect(certificates.revoke(globexAdmin, foreign, body)).rejects.toMatchObject({
        code: 'certificate.not_found',
      });
    }
    await certificates.revoke(acmeAdmin, serial, body);
    await until(() => revokedSerials.includes(serial), 'the word to the brokers');
    await expect(certificates.revoke(acmeAdmin, serial, body)).rejects.toMatchObject({
      code: 'certificate.revoked',
    });
    const rows = await auditOf(database, { object: `certificate:${serial}` });
    expect(rows.map(({ outcome, orgId }) => [outcome, orgId === null])).toEqual([
      ['refused', false],
      ['success', false],
      ['refused', true],
      ['refused', false],
    ]);
    expect((await certificates.list(acmeMember, { state: 'revoked', search: serial })).items).toMatchObject([
      { revocation_reason: 'key lost' },
    ]);
  });
});

describe('the change of authority', () => {
  it('is the system admin’s alone', async () => {
    const { controlPlane, acmeAdmin } = installation;
    for (const work of [
      () => controlPlane.certificates.rollover(acmeAdmin, {}),
      () => controlPlane.certificates.listAuthorities(acmeAdmin),
      () => controlPlane.certificates.retire(acmeAdmin, 'ca', { authority_id: 'ca' }),
    ]) {
      await expect(work()).rejects.toMatchObject({ code: 'auth.forbidden' });
    }
  });

  it('goes from next to active to retired, each step once, with certificates of both valid meanwhile', async () => {
    const { controlPlane, systemAdmin, authority, clock, database } = installation;
    const { certificates } = controlPlane;
    const old = await enrol('old');
    const oldRoot = authority.rootPem;
    await goOn();
    const started = await certificates.rollover(systemAdmin, {
      new_root: true,
      activate_after_seconds: 5,
      serve_after_seconds: 10,
    });
    expect(started).toMatchObject({ state: 'next', serves: false });
    await expect(certificates.rollover(systemAdmin, {})).rejects.toMatchObject({
      code: 'authority.changing',
    });

    await goOn();
    // Trusted by everybody before it signs anything.
    expect(authority.generations).toMatchObject([
      { id: 'ca', state: 'active' },
      { id: started.id, state: 'next' },
    ]);
    expect(authority.rootPem.startsWith(oldRoot)).toBe(true);
    expect(authority.rootPem.length).toBeGreaterThan(oldRoot.length);
    expect(new X509Certificate((await enrol('before')).certificate_chain).issuer).not.toContain(
      started.id.slice(3),
    );

    clock.aheadMs = 6000;
    await goOn();
    await goOn();
    const fresh = await enrol('fresh');
    expect(fresh.ca_certificate).toBe(authority.rootPem);
    const entry = await certificates.list(systemAdmin, { search: serialOf(fresh.certificate_chain) });
    expect(entry.items).toMatchObject([{ authority_id: started.id }]);
    using openssl = openOpenssl();
    const trust = openssl.put('trust.pem', authority.trustPem);
    for (const [name, { certificate_chain }] of Object.entries({ old, fresh })) {
      const file = openssl.put(`${name}.pem`, certificate_chain);
      expect(
        openssl.run('verify', '-x509_strict', '-CAfile', trust, '-purpose', 'sslclient', file),
      ).toMatchObject({
        code: 0,
      });
    }
    // The servers stay until devices know the new root, or the time is over.
    expect(authority.generations.find(({ isServing }) => isServing)?.id).toBe('ca');
    clock.aheadMs = 11_000;
    await goOn();
    expect(authority.generations.find(({ isServing }) => isServing)?.id).toBe(started.id);
    expect(authority.rootPem.startsWith(oldRoot)).toBe(false);

    const [first] = (await certificates.listAuthorities(systemAdmin)).items;
    expect(first).toMatchObject({ id: 'ca', state: 'retiring' });
    expect(first?.certificates).toBeGreaterThan(0);
    await expect(certificates.retire(systemAdmin, 'ca', { authority_id: 'ca' })).rejects.toMatchObject({
      code: 'authority.in_use',
    });
    await expect(
      certificates.retire(systemAdmin, 'ca', { authority_id: started.id, force: true }),
    ).rejects.toMatchObject({ code: 'authority.confirmation' });
    const steps = (await auditOf(database)).filter(
      ({ actor, action }) => actor === 'system' && action.startsWith('authority.'),
    );
    expect(steps.map(({ action }) => action)).toEqual(['authority.serve', 'authority.activate']);
  });

  it('lists the revoked of each authority under its own key', async () => {
    const { controlPlane, authority } = installation;
    const crls = (await controlPlane.material.crl()).match(
      /-----BEGIN X509 CRL-----[^-]+-----END X509 CRL-----/g,
    );
    expect(crls).toHaveLength(2);
    using openssl = openOpenssl();
    const trust = openssl.put('trust.pem', authority.trustPem);
    for (const [index, crl] of (crls ?? []).entries()) {
      const file = openssl.put(`${index}.crl`, `${crl}\n`);
      expect(openssl.run('crl', '-in', file, '-CAfile', trust, '-noout').output).toContain('verify OK');
    }
  });

  it('retires by force: what depends on it is revoked, and it is trusted no more', async () => {
    const { controlPlane, systemAdmin, authority, revokedSerials } = installation;
    const [old] = (await controlPlane.certificates.list(systemAdmin, { search: 'old' })).items;
    const retired = await controlPlane.certificates.retire(systemAdmin, 'ca', {
      authority_id: 'ca',
      force: true,
    });
    expect(retired).toMatchObject({ state: 'retired', certificates: 0 });
    await until(() => revokedSerials.includes(old?.serial ?? '-'), 'the word to the brokers');
    await goOn();
    expect(authority.generations.map(({ state }) => state)).toEqual(['active']);
    expect(authority.trustPem.match(/BEGIN/g)).toHaveLength(2);
  });
});
