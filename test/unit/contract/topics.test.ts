/** Topics and identities: what is spelled can be read back, and nothing else can. */
import { describe, expect, it } from 'vitest';
import {
  CHANNELS,
  type ChannelName,
  commonNameOf,
  deviceInbox,
  fleetFilter,
  identityUriOf,
  isOrgSlug,
  MAX_TOPIC_BYTES,
  orgFilter,
  type Principal,
  parseCommonName,
  parseIdentityUri,
  parseSystemTopic,
  parseTopic,
  RESERVED_SLUGS,
  systemTopic,
  topicFor,
} from '#contract';

const DEVICE = '0c8f6a52-4f0e-4f6f-9d3c-0f8d6a1b2c3d';
const address = { org: 'acme', device: DEVICE };
const channels = Object.keys(CHANNELS) as ChannelName[];

/** Strings that would reach further than one device, or confuse a parser, wherever they stand. */
const POISON = ['+', '#', '$SYS', '', '..', '%2f', 'a/b', 'a\0b', '__proto__', 'ACME', 'аcme', 'a b', 'a\n'];

describe('topicFor and parseTopic', () => {
  it.each(channels)('read back what they spelled for %s', (channel) => {
    const topic = topicFor(channel, address);
    expect(parseTopic(topic)).toEqual({ ...address, channel });
    expect(Buffer.byteLength(topic)).toBeLessThanOrEqual(MAX_TOPIC_BYTES);
  });

  it.each(channels)('refuse %s in the other direction', (channel) => {
    const topic = topicFor(channel, address);
    const turned = topic.includes('/up/') ? topic.replace('/up/', '/down/') : topic.replace('/down/', '/up/');
    expect(parseTopic(turned)).toBeNull();
  });

  it.each(POISON)('refuse %j as organisation, device or channel', (poison) => {
    expect(() => topicFor('heartbeat', { org: poison, device: DEVICE })).toThrow(RangeError);
    expect(() => topicFor('heartbeat', { org: 'acme', device: poison })).toThrow(RangeError);
    for (const topic of [
      `edge/v1/${poison}/${DEVICE}/up/heartbeat`,
      `edge/v1/acme/${poison}/up/heartbeat`,
      `edge/v1/acme/${DEVICE}/${poison}/heartbeat`,
      `edge/v1/acme/${DEVICE}/up/${poison}`,
      `${poison}/v1/acme/${DEVICE}/up/heartbeat`,
      `edge/v1/acme/${DEVICE}/up/heartbeat/${poison}`,
      `/edge/v1/acme/${DEVICE}/up/heartbeat`,
    ]) {
      expect(parseTopic(topic), topic).toBeNull();
    }
  });

  it('take no inherited property for a channel', () => {
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
      expect(parseTopic(`edge/v1/acme/${DEVICE}/up/${name}`), name).toBeNull();
      expect(parseSystemTopic(`edge/system/v1/${name}`), name).toBeNull();
    }
  });

  it.each([...RESERVED_SLUGS])('refuse the reserved slug %s', (slug) => {
    expect(isOrgSlug(slug)).toBe(false);
    expect(parseTopic(`edge/v1/${slug}/${DEVICE}/up/heartbeat`)).toBeNull();
  });

  it('name filters below the organisation or above all of them', () => {
    expect(deviceInbox(address)).toBe(`edge/v1/acme/${DEVICE}/down/#`);
    expect(orgFilter('acme')).toBe('edge/v1/acme/#');
    expect(fleetFilter('heartbeat')).toBe('edge/v1/+/+/up/heartbeat');
  });
});

describe('systemTopic', () => {
  it('is read back, and nothing beside it', () => {
    expect(parseSystemTopic(systemTopic('revocations'))).toBe('revocations');
    expect(parseSystemTopic(systemTopic('refusals'))).toBe('refusals');
    for (const name of POISON) expect(parseSystemTopic(`edge/system/v1/${name}`), name).toBeNull();
    expect(parseTopic(systemTopic('revocations'))).toBeNull();
  });
});

describe('identities', () => {
  const principals: Principal[] = [
    { kind: 'device', ...address },
    { kind: 'integration', org: 'acme', name: 'reports' },
    { kind: 'service', name: 'control-plane' },
  ];

  it.each(principals)('are read back from URI and common name: %j', (principal) => {
    expect(parseIdentityUri(identityUriOf(principal))).toEqual(principal);
    expect(parseCommonName(commonNameOf(principal))).toEqual(principal);
  });

  it('fit the 64 characters of a common name at their longest', () => {
    const org = 'a'.repeat(27);
    expect(isOrgSlug(org)).toBe(true);
    expect(isOrgSlug(`${org}a`)).toBe(false);
    expect(commonNameOf({ kind: 'device', org, device: DEVICE })).toHaveLength(64);
    expect(commonNameOf({ kind: 'integration', org, name: 'n'.repeat(20) }).length).toBeLessThanOrEqual(64);
  });

  it.each(POISON)('refuse %j in any place', (poison) => {
    for (const uri of [
      `urn:edge:${poison}:${DEVICE}`,
      `urn:edge:acme:${poison}`,
      `urn:edge:acme:integrations:${poison}`,
      `urn:edge:service:${poison}`,
      `urn:edge:acme:${DEVICE}:${poison}`,
      `${poison}:edge:acme:${DEVICE}`,
    ]) {
      expect(parseIdentityUri(uri), uri).toBeNull();
    }
  });

  it('take no service for an organisation and no organisation for a service', () => {
    expect(parseIdentityUri(`urn:edge:service:${DEVICE}`)).toBeNull();
    expect(parseCommonName(`service/${DEVICE}`)).toBeNull();
    expect(parseCommonName('service/integrations/reports')).toBeNull();
    expect(parseIdentityUri('urn:edge:service:integrations:reports')).toBeNull();
  });
});
