/** The access rules as a table of sentences; the broker's own matrix tries them over the wire. */
import { describe, expect, it } from 'vitest';
import {
  CHANNELS,
  type ChannelName,
  canPublish,
  canReceive,
  canSubscribe,
  type Principal,
  systemTopic,
  topicFor,
} from '#contract';

const OWN = '0c8f6a52-4f0e-4f6f-9d3c-0f8d6a1b2c3d';
const SIBLING = '11111111-4f0e-4f6f-9d3c-0f8d6a1b2c3d';
const own = { org: 'acme', device: OWN };
const sibling = { org: 'acme', device: SIBLING };
const foreign = { org: 'other', device: OWN };
const device: Principal = { kind: 'device', ...own };
const integrator: Principal = { kind: 'integration', org: 'acme', name: 'reports' };
const controlPlane: Principal = { kind: 'service', name: 'control-plane' };
const webService: Principal = { kind: 'service', name: 'web' };
const otherService: Principal = { kind: 'service', name: 'reports' };
const channels = Object.keys(CHANNELS) as ChannelName[];

describe('canPublish', () => {
  it.each(channels)('lets a device send on %s only if it is an up channel, and only as itself', (channel) => {
    expect(canPublish(device, topicFor(channel, own))).toBe(CHANNELS[channel].direction === 'up');
    expect(canPublish(device, topicFor(channel, sibling))).toBe(false);
    expect(canPublish(device, topicFor(channel, foreign))).toBe(false);
  });

  it.each(channels)(
    'lets the control plane, and neither an integrator nor another service, send on %s',
    (channel) => {
      expect(canPublish(controlPlane, topicFor(channel, own))).toBe(true);
      expect(canPublish(integrator, topicFor(channel, own))).toBe(false);
      expect(canPublish(otherService, topicFor(channel, own))).toBe(false);
    },
  );

  it.each(channels)('lets the web service send leases and nothing else: %s', (channel) => {
    expect(canPublish(webService, topicFor(channel, own))).toBe(channel === 'control');
  });

  it.each([
    ['wildcards', `edge/v1/acme/${OWN}/up/+`],
    ['a system topic', systemTopic('revocations')],
    ['the topics of the engine', '$SYS/x/new/clients'],
    ['an unknown channel', `edge/v1/acme/${OWN}/up/constructor`],
    ['an empty topic', ''],
    ['a topic of more than 256 bytes', `edge/v1/acme/${OWN}/up/${'x'.repeat(300)}`],
  ])('refuses a device %s', (_name, topic) => expect(canPublish(device, topic)).toBe(false));

  it('lets the control plane say revocations, and leaves refusals to the broker', () => {
    expect(canPublish(controlPlane, systemTopic('revocations'))).toBe(true);
    expect(canPublish(controlPlane, systemTopic('refusals'))).toBe(false);
    expect(canPublish(otherService, systemTopic('revocations'))).toBe(false);
  });
});

describe('canSubscribe', () => {
  it.each([
    ['a device its inbox', device, `edge/v1/acme/${OWN}/down/#`, true],
    ['a device one level of its inbox', device, `edge/v1/acme/${OWN}/down/+`, true],
    ['a device one down channel', device, topicFor('ack', own), true],
    ['a device its own up channels', device, `edge/v1/acme/${OWN}/up/#`, false],
    ['a device both directions', device, `edge/v1/acme/${OWN}/#`, false],
    ['a device a sibling', device, `edge/v1/acme/${SIBLING}/down/#`, false],
    ['a device any device', device, 'edge/v1/acme/+/down/#', false],
    ['a device everything', device, '#', false],
    ['a device the same id elsewhere', device, `edge/v1/other/${OWN}/down/#`, false],
    ['an integrator its organisation', integrator, 'edge/v1/acme/#', true],
    ['an integrator all up channels', integrator, 'edge/v1/acme/+/up/#', true],
    ['an integrator one channel of all', integrator, 'edge/v1/acme/+/up/heartbeat', true],
    ['an integrator what goes down to a device', integrator, `edge/v1/acme/${OWN}/down/ack`, false],
    ['an integrator what goes down to any', integrator, 'edge/v1/acme/+/down/#', false],
    ['an integrator both directions', integrator, 'edge/v1/acme/+/+/#', true],
    ['an integrator another organisation', integrator, 'edge/v1/other/#', false],
    ['an integrator all organisations', integrator, 'edge/v1/+/+/up/#', false],
    ['an integrator revocations', integrator, systemTopic('revocations'), false],
    ['the control plane the fleet', controlPlane, 'edge/v1/+/+/up/heartbeat', true],
    ['the control plane refusals', controlPlane, systemTopic('refusals'), true],
    ['the control plane everything', controlPlane, '#', false],
    ['the control plane the engine', controlPlane, '$SYS/#', false],
    ['anyone a shared subscription', integrator, '$share/g/edge/v1/acme/#', false],
    ['anyone a wildcard inside a level', integrator, 'edge/v1/acme/a+/up/#', false],
    ['anyone a hash in the middle', integrator, 'edge/v1/acme/#/up', false],
    ['anyone an empty level', integrator, 'edge/v1/acme//up/#', false],
    ['anyone a leading slash', device, `/edge/v1/acme/${OWN}/down/#`, false],
    ['anyone a trailing slash', device, `edge/v1/acme/${OWN}/down/ack/`, false],
    ['anyone U+0000', device, `edge/v1/acme/${OWN}/down/\0`, false],
    ['anyone a look-alike', device, `edge/v1/аcme/${OWN}/down/#`, false],
    ['anyone thirteen levels', integrator, `edge/v1/acme/${'x/'.repeat(10)}y`, false],
  ])('%s', (_sentence, principal, filter, allowed) => expect(canSubscribe(principal, filter)).toBe(allowed));
});

describe('canReceive', () => {
  it.each(channels)('hands %s of a device to itself only when it is a down channel', (channel) => {
    expect(canReceive(device, topicFor(channel, own))).toBe(CHANNELS[channel].direction === 'down');
    expect(canReceive(device, topicFor(channel, sibling))).toBe(false);
    expect(canReceive(integrator, topicFor(channel, own))).toBe(CHANNELS[channel].direction === 'up');
    expect(canReceive(integrator, topicFor(channel, foreign))).toBe(false);
    expect(canReceive(otherService, topicFor(channel, foreign))).toBe(true);
  });

  it('hands system topics to services alone, and those of the engine to nobody', () => {
    for (const principal of [device, integrator]) {
      expect(canReceive(principal, systemTopic('revocations'))).toBe(false);
    }
    expect(canReceive(otherService, systemTopic('revocations'))).toBe(true);
    expect(canReceive(controlPlane, '$SYS/x/new/clients')).toBe(false);
  });
});

describe('retained channels', () => {
  it('are at most four per device', () => {
    const retained = channels.filter(
      (channel) => CHANNELS[channel].direction === 'up' && CHANNELS[channel].retain,
    );
    expect(retained.length).toBeLessThanOrEqual(4);
  });
});
