/** Registration tokens and integrators as admins handle them. */

import { randomUUID } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCsr, createKeyPair, readCertificate } from '#certs';
import { decodeValue } from '#contract';
import { CreateIntegratorReply, CreateTokenReply, IntegratorView, TokenView } from '#web-api';
import { openOpenssl } from '../../../support/openssl.ts';
import { auditOf, type Installation, startInstallation, until } from '../access/installation.ts';

let installation: Installation;
beforeAll(async () => {
  installation = await startInstallation();
});
afterAll(() => installation?.stop());

describe('registration tokens', () => {
  it('are shown once, with the line that installs an agent', async () => {
    const { controlPlane, acme, acmeAdmin, acmeMember, database } = installation;
    const body = { organization_id: acme.id, name: 'Hall 4', max_uses: 3, expires_in_seconds: 120 };
    const created = await controlPlane.enrollment.createToken(acmeAdmin, body);
    expect(decodeValue(CreateTokenReply, created)).toMatchObject({ ok: true });
    expect(created).toMatchObject({ name: 'Hall 4', state: 'live', created_by: 'admin@acme.example' });
    expect(created.install_command).toContain(created.token);
    expect(created.install_command).not.toContain('\n');

    const seen = await controlPlane.enrollment.getToken(acmeMember, created.id);
    expect(decodeValue(TokenView, seen)).toMatchObject({ ok: true });
    const list = await controlPlane.enrollment.listTokens(acmeMember, {});
    expect(list.items).toEqual([seen]);
    expect(JSON.stringify([seen, list])).not.toContain(created.token);
    const rows = await auditOf(database, { object: `token:${created.id}` });
    expect(rows).toMatchObject([
      { action: 'token.create', orgId: acme.id, detail: { prefix: created.prefix } },
    ]);
    expect(JSON.stringify(rows)).not.toContain(created.token);
  });

  it('last an hour for one device unless told otherwise', async () => {
    const { controlPlane, acme, acmeAdmin } = installation;
    const token = await controlPlane.enrollment.createToken(acmeAdmin, { organization_id: acme.id });
    expect(token).toMatchObject({ max_uses: 1, device_type: null, tags: [] });
    const lifeMs = Date.parse(token.expires_at) - Date.now();
    expect(lifeMs).toBeGreaterThan(3_590_000);
    expect(lifeMs).toBeLessThanOrEqual(3_600_000);
  });

  it('are made and revoked by admins of their organisation only', async () => {
    const { controlPlane, acme, acmeAdmin, acmeMember, globexAdmin, database } = installation;
    const { enrollment } = controlPlane;
    const body = { organization_id: acme.id };
    const { id } = await enrollment.createToken(acmeAdmin, body);
    await expect(enrollment.createToken(acmeMember, body)).rejects.toMatchObject({ code: 'auth.forbidden' });
    await expect(enrollment.createToken(globexAdmin, body)).rejects.toMatchObject({
      code: 'organization.not_found',
    });
    await expect(enrollment.revokeToken(acmeMember, id)).rejects.toMatchObject({ code: 'auth.forbidden' });
    for (const tokenId of [id, randomUUID()]) {
      const code = 'token.not_found';
      await expect(enrollment.getToken(globexAdmin, tokenId)).rejects.toMatchObject({ code });
      await expect(enrollment.revokeToken(globexAdmin, tokenId)).rejects.toMatchObject({ code });
    }
    expect((await enrollment.listTokens(globexAdmin, {})).items).toEqual([]);
    await enrollment.revokeToken(acmeAdmin, id);
    await enrollment.revokeToken(acmeAdmin, id);
    expect(await enrollment.getToken(acmeAdmin, id)).toMatchObject({ state: 'revoked' });
    expect((await auditOf(database, { object: `token:${id}` })).map(({ outcome }) => outcome)).toEqual([
      'success',
      'success',
      'refused',
      'refused',
      'success',
    ]);
  });

  it('that replace hardware have one use and the type of their device', async () => {
    const { controlPlane, acme, globex, acmeAdmin, database } = installation;
    const create = (changes: object) =>
      controlPlane.enrollment.createToken(acmeAdmin, { organization_id: acme.id, ...changes });
    const own = await database.devices.create(acme.id, { name: 'own', type: 'custom', hardwareId: 'hw-own' });
    const foreign = await database.devices.create(globex.id, {
      name: 'x',
      type: 'custom',
      hardwareId: 'hw-x',
    });
    const replaces_device_id = own.id;
    expect(await create({ replaces_device_id })).toMatchObject({ device_type: 'custom', max_uses: 1 });
    const code = 'token.replacement_invalid';
    await expect(create({ replaces_device_id, max_uses: 2 })).rejects.toMatchObject({ code });
    await expect(create({ replaces_device_id, device_type: 'gateway' })).rejects.toMatchObject({ code });
    await expect(create({ replaces_device_id: foreign.id })).rejects.toMatchObject({
      code: 'device.not_found',
    });
  });
});

describe('integrators', () => {
  it('get a certificate for their own key that names them and reads their organisation', async () => {
    const { controlPlane, acme, acmeAdmin, acmeMember, authority } = installation;
    const reply = await controlPlane.enrollment.createIntegrator(acmeAdmin, {
      organization_id: acme.id,
      name: 'grafana',
      csr: createCsr(createKeyPair().privateKeyPem),
      valid_days: 30,
    });
    expect(decodeValue(CreateIntegratorReply, reply)).toMatchObject({ ok: true });
    expect(reply).toMatchObject({
      client_id: 'acme/integrations/grafana',
      topic_filter: 'edge/v1/acme/#',
      mqtt_url: 'mqtts://edge.example:8883',
      ca_certificate: authority.rootPem,
      certificates: [{ state: 'active' }],
    });
    expect(reply.private_key).toBeUndefined();
    expect(reply.pkcs12_base64).toBeUndefined();
    const facts = readCertificate(reply.certificate_chain);
    expect(facts).toMatchObject({
      unit: 'integration',
      identityUris: ['urn:edge:acme:integrations:grafana'],
    });
    expect(facts.notAfter.getTime() - Date.now()).toBeLessThan(31 * 86_400_000);

    const { items } = await controlPlane.enrollment.listIntegrators(acmeMember, {});
    expect(items).toMatchObject([
      { id: reply.id, name: 'grafana', certificates: [{ serial: facts.serial }] },
    ]);
    expect(decodeValue(IntegratorView, items[0])).toMatchObject({ ok: true });
  });

  it('get key and chain in one file where they send no request', async () => {
    const { controlPlane, acme, acmeAdmin, database } = installation;
    const reply = await controlPlane.enrollment.createIntegrator(acmeAdmin, {
      organization_id: acme.id,
      name: 'node-red',
    });
    const pfx = Buffer.from(reply.pkcs12_base64 ?? '', 'base64');
    createSecureContext({ pfx, passphrase: reply.pkcs12_password ?? '' });
    expect(() => createSecureContext({ pfx, passphrase: 'wrong' })).toThrow();
    createSecureContext({ key: reply.private_key ?? '', cert: reply.certificate_chain });
    const rows = await auditOf(database, { object: `integrator:${reply.id}` });
    expect(rows).toMatchObject([{ action: 'integrator.create', outcome: 'success' }]);
    expect(JSON.stringify(rows)).not.toMatch(/PRIVATE KEY|CERTIFICATE/);
    expect(JSON.stringify(rows)).not.toContain(reply.pkcs12_password);
  });

  it('have names of their own within the organisation', async () => {
    const { controlPlane, acme, globex, acmeAdmin, globexAdmin, acmeMember } = installation;
    const create = (person: typeof acmeAdmin, orgId: string, changes: object = {}) =>
      controlPlane.enrollment.createIntegrator(person, {
        organization_id: orgId,
        name: 'kafka',
        csr: createCsr(createKeyPair().privateKeyPem),
        ...changes,
      });
    await create(acmeAdmin, acme.id);
    await expect(create(acmeAdmin, acme.id)).rejects.toMatchObject({ code: 'integrator.name_taken' });
    await create(globexAdmin, globex.id);
    await expect(create(globexAdmin, acme.id)).rejects.toMatchObject({ code: 'organization.not_found' });
    await expect(create(acmeMember, acme.id)).rejects.toMatchObject({ code: 'auth.forbidden' });
    await expect(create(acmeAdmin, acme.id, { name: 'bad-csr', csr: 'nonsense' })).rejects.toMatchObject({
      code: 'enrollment.csr_invalid',
    });
    const { items } = await controlPlane.enrollment.listIntegrators(acmeAdmin, {});
    expect(items.map(({ name }) => name)).not.toContain('bad-csr');
  });

  it('are locked out when they are deleted, and their certificate stands in the CRL', async () => {
    const { controlPlane, acme, acmeAdmin, globexAdmin, authority, revokedSerials } = installation;
    const { enrollment } = controlPlane;
    const body = { organization_id: acme.id, name: 'short-lived' };
    const { id, certificate_chain } = await enrollment.createIntegrator(acmeAdmin, body);
    const code = 'integrator.not_found';
    await expect(enrollment.deleteIntegrator(globexAdmin, id)).rejects.toMatchObject({ code });
    await enrollment.deleteIntegrator(acmeAdmin, id);
    await expect(enrollment.deleteIntegrator(acmeAdmin, id)).rejects.toMatchObject({ code });
    const { serial } = readCertificate(certificate_chain);
    await until(() => revokedSerials.includes(serial), 'the word to the brokers');

    using openssl = openOpenssl();
    const arguments_ = [
      '-CAfile',
      openssl.put('ca.pem', authority.trustPem),
      '-crl_check',
      '-purpose',
      'sslclient',
    ];
    const leaf = openssl.put('leaf.pem', certificate_chain);
    const crl = openssl.put('crl.pem', await controlPlane.material.crl());
    const verdict = openssl.run('verify', ...arguments_, '-CRLfile', crl, leaf);
    expect(verdict.output).toContain('certificate revoked');
    await enrollment.createIntegrator(acmeAdmin, body);
  });
});
