import { describe, expect, it } from 'vitest';
import type { CreateIntegratorReply } from '#web-api';
import { customExpirySeconds, isNearExpiry } from '../../../web/client/format/expiry.ts';
import { integratorFiles, mosquittoCommand } from '../../../web/client/format/integrator-commands.ts';
import { locate } from '../../../web/client/state/addresses.ts';
import { isForbidden } from '../../../web/client/state/page-rights.ts';
import { allows, organizationsAllowing, type SessionState } from '../../../web/client/state/session.ts';
import { administrator, organizations, reader } from '../../support/console-data.ts';

const NOW_MS = Date.parse('2026-11-23T12:00:00Z');
const all = organizations(NOW_MS);
const [acme, nordwind] = all.map(({ id }) => id);

describe('what a person may do', () => {
  const system: SessionState = { kind: 'in', me: administrator(NOW_MS), organizations: all };
  const member: SessionState = { kind: 'in', me: reader(NOW_MS), organizations: all.slice(0, 1) };

  it('is everything, everywhere, for a system admin', () => {
    expect([allows(system, 'device.delete', nordwind ?? ''), allows(system, 'device.delete', null)]).toEqual([
      true,
      true,
    ]);
  });

  it('shuts the pages that no role opens, and leaves a door that is shut otherwise to the server', () => {
    const shut = (state: SessionState, path: string) => isForbidden(state, locate(path, ''));
    expect(shut(member, '/admin/users')).toBe(true);
    expect(shut(member, '/admin/edge/devices')).toBe(false);
    expect(shut(member, '/admin/account')).toBe(false);
    expect(shut(system, '/admin/users')).toBe(false);
    expect(shut({ kind: 'unknown' }, '/admin/users')).toBe(false);
    const mustEnroll = { ...member, me: { ...reader(NOW_MS), must_enroll_second_factor: true } };
    expect(shut(mustEnroll, '/admin/users')).toBe(false);
  });

  it('ends at the own organisation and role for a member', () => {
    expect([
      allows(member, 'device.read', acme ?? ''),
      allows(member, 'device.read', nordwind ?? ''),
      allows(member, 'device.read', null),
      allows(member, 'device.write', acme ?? ''),
    ]).toEqual([true, false, true, false]);
    expect(organizationsAllowing(member, 'token.write')).toEqual([]);
  });

  it('is nothing while nobody is signed in', () => {
    expect([allows({ kind: 'unknown' }, 'device.read', null), allows({ kind: 'out' }, 'self', null)]).toEqual(
      [false, false],
    );
  });
});

describe('an integrator’s command', () => {
  const reply: CreateIntegratorReply = {
    id: 'i',
    organization_id: 'o',
    name: 'grafana',
    client_id: 'acme/integrations/grafana',
    created_at: '2026-11-23T12:00:00Z',
    certificates: [],
    certificate_chain: 'CHAIN',
    ca_certificate: 'CA',
    mqtt_url: 'mqtts://edge.example:8883',
    topic_filter: 'edge/v1/acme/#',
    private_key: 'KEY',
    pkcs12_base64: 'UDEy',
    pkcs12_password: 'secret',
  };

  it('carries the client id that the broker asks for, and the files by the names they are saved under', () => {
    const command = mosquittoCommand(reply).replaceAll(' \\\n  ', ' ');
    expect(command).toBe(
      "mosquitto_sub -h edge.example -p 8883 -i 'acme/integrations/grafana' --cafile ops-center-ca.crt --cert grafana.crt --key grafana.key -t 'edge/v1/acme/#' -v",
    );
    expect(integratorFiles(reply).map(({ name }) => name)).toEqual([
      'grafana.crt',
      'grafana.key',
      'ops-center-ca.crt',
      'grafana.p12',
    ]);
  });

  it('offers no key where none was made here', () => {
    const { private_key: _key, pkcs12_base64: _bundle, pkcs12_password: _password, ...withoutKey } = reply;
    expect(integratorFiles(withoutKey).map(({ name }) => name)).toEqual(['grafana.crt', 'ops-center-ca.crt']);
  });
});

describe('expiry', () => {
  it('accepts from a minute to a year', () => {
    expect(customExpirySeconds(new Date(NOW_MS + 3_600_000).toISOString(), NOW_MS)).toBe(3600);
    expect(customExpirySeconds(new Date(NOW_MS + 30_000).toISOString(), NOW_MS)).toBeNull();
    expect(customExpirySeconds(new Date(NOW_MS + 366 * 86_400_000).toISOString(), NOW_MS)).toBeNull();
    expect(customExpirySeconds('', NOW_MS)).toBeNull();
  });

  it('is near in the last fifth of a certificate’s life', () => {
    const day = (days: number) => new Date(NOW_MS + days * 86_400_000).toISOString();
    expect([
      isNearExpiry(day(-50), day(10), NOW_MS),
      isNearExpiry(day(-40), day(20), NOW_MS),
      isNearExpiry(day(-60), day(-1), NOW_MS),
    ]).toEqual([true, false, false]);
  });
});
