/** Who may publish and subscribe what: default deny, decided from the certificate alone. Pure. */
import { CHANNELS, isChannel } from './channels.ts';
import { isDeviceId, type Principal } from './identity.ts';
import { MAX_TOPIC_BYTES, MAX_TOPIC_LEVELS, parseSystemTopic, parseTopic, TOPIC_ROOT } from './topics.ts';

/** A device speaks only for itself, and only on channels that flow from devices. */
export function canPublish(principal: Principal, topic: string): boolean {
  if (!isSane(topic)) return false;
  if (principal.kind === 'service') {
    return canServicePublish(principal.name, topic);
  }
  const target = parseTopic(topic);
  if (target === null || principal.kind !== 'device') return false;
  return (
    CHANNELS[target.channel].direction === 'up' &&
    principal.org === target.org &&
    principal.device === target.device
  );
}

/**
 * Closed grammar of filters. A device: `…/down/#` or one of its down channels; an integrator: its organisation's
 * tree, narrower or whole, of which only what devices say is delivered; a service: every device tree and the system channels. Anything with `$`, anything above
 * the own subtree and every unknown shape is refused.
 */
export function canSubscribe(principal: Principal, filter: string): boolean {
  if (!isSane(filter)) return false;
  const levels = filter.split('/');
  if (!hasValidWildcards(levels)) return false;
  const [edge, version, org, device, direction, ...rest] = levels;
  if (principal.kind === 'service' && parseSystemTopic(filter) !== null) return true;
  if (`${edge}/${version}` !== TOPIC_ROOT || org === undefined) return false;
  if (principal.kind === 'service') return true;
  if (org !== principal.org) return false;
  if (principal.kind === 'integration') return isTreeFilter(device, direction, rest);
  return device === principal.device && direction === 'down' && isChannelFilter(rest, 'down');
}

/** May a message on `topic` be handed to the principal, whatever filter let it match? Used on delivery. */
export function canReceive(principal: Principal, topic: string): boolean {
  if (principal.kind === 'service') return parseTopic(topic) !== null || parseSystemTopic(topic) !== null;
  const target = parseTopic(topic);
  if (target === null || target.org !== principal.org) return false;
  // What goes down is between the control plane and one device: an ack may carry that device's access token.
  const { direction } = CHANNELS[target.channel];
  return principal.kind === 'integration'
    ? direction === 'up'
    : direction === 'down' && target.device === principal.device;
}

/** The broker says what it refused; the control plane says everything else. */
function canServicePublish(name: string, topic: string): boolean {
  const target = parseTopic(topic);
  // The web process looks at devices for its viewers, and does nothing else on the broker.
  if (name === 'web') return target?.channel === 'control';
  if (name !== 'control-plane') return false;
  if (target !== null) return true;
  return parseSystemTopic(topic) === 'revocations';
}

function isTreeFilter(
  device: string | undefined,
  direction: string | undefined,
  rest: readonly string[],
): boolean {
  if (device === '#') return direction === undefined;
  if (device !== '+' && !(device !== undefined && isDeviceId(device))) return false;
  if (direction === '#') return rest.length === 0;
  if (direction === '+') return rest.length === 1 && (rest[0] === '#' || rest[0] === '+');
  return direction === 'up' && isChannelFilter(rest, direction);
}

function isChannelFilter(rest: readonly string[], direction: 'up' | 'down'): boolean {
  const name = rest.join('/');
  if (name === '#' || name === '+') return true;
  return isChannel(name) && CHANNELS[name].direction === direction;
}

/** `#` only as the last level, `+` and `#` only alone in their level. Source: MQTT 3.1.1 §4.7.1. */
const hasValidWildcards = (levels: readonly string[]): boolean =>
  levels.every(
    (level, index) =>
      level === '+' ||
      (level === '#' && index === levels.length - 1) ||
      !(level.includes('+') || level.includes('#')),
  );

/** Sizes and characters that no legitimate topic of ours leaves: printable ASCII without `$`. */
const isSane = (topic: string): boolean =>
  topic.length > 0 &&
  topic.length <= MAX_TOPIC_BYTES &&
  /^[\x21-\x7e]+$/.test(topic) &&
  !topic.includes('$') &&
  topic.split('/').length <= MAX_TOPIC_LEVELS;
