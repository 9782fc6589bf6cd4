/** The only place that spells or reads a topic: `edge/v1/{org}/{device}/{up|down}/{channel}`. Pure. */
import {
  CHANNELS,
  type ChannelName,
  isChannel,
  SYSTEM_CHANNELS,
  type SystemChannelName,
} from './channels.ts';
import { type DeviceAddress, isDeviceId, isOrgSlug } from './identity.ts';

export const TOPIC_ROOT = 'edge/v1';
/** Longest topic or filter that the broker accepts, in bytes (RELIABILITY B3). */
export const MAX_TOPIC_BYTES = 256;
/** Deepest topic that the broker accepts (RELIABILITY §1). */
export const MAX_TOPIC_LEVELS = 12;

/** Topic of a device's channel. @throws RangeError when the address is not a slug and a UUID. */
export function topicFor(channel: ChannelName, address: DeviceAddress): string {
  if (!isOrgSlug(address.org) || !isDeviceId(address.device)) {
    throw new RangeError('address of a topic must be an organisation slug and a device UUID');
  }
  return `${deviceRoot(address)}/${CHANNELS[channel].direction}/${channel}`;
}

/** Inverse of `topicFor`; null for any other string, so wildcards and foreign trees never pass. */
export function parseTopic(topic: string): (DeviceAddress & { channel: ChannelName }) | null {
  const [edge, version, org, device, direction, ...rest] = topic.split('/');
  if (`${edge}/${version}` !== TOPIC_ROOT || org === undefined || device === undefined) return null;
  const channel = rest.join('/');
  if (!isOrgSlug(org) || !isDeviceId(device) || !isChannel(channel)) return null;
  return CHANNELS[channel].direction === direction ? { org, device, channel } : null;
}

/** Filter by which the control plane receives one channel of every device. */
export const fleetFilter = (channel: ChannelName): string =>
  `${TOPIC_ROOT}/+/+/${CHANNELS[channel].direction}/${channel}`;

/** Filter by which a device receives all that is meant for it. */
export const deviceInbox = (address: DeviceAddress): string => `${deviceRoot(address)}/down/#`;

/** Everything of one organisation: what an integrator may subscribe to at the widest. */
export const orgFilter = (org: string): string => `${TOPIC_ROOT}/${org}/#`;

/** `edge/system/v1/{channel}`, outside every organisation's tree. */
export const systemTopic = (channel: SystemChannelName): string => `edge/system/v1/${channel}`;

export function parseSystemTopic(topic: string): SystemChannelName | null {
  const name = topic.startsWith('edge/system/v1/') ? topic.slice('edge/system/v1/'.length) : '';
  return Object.hasOwn(SYSTEM_CHANNELS, name) ? (name as SystemChannelName) : null;
}

const deviceRoot = ({ org, device }: DeviceAddress): string => `${TOPIC_ROOT}/${org}/${device}`;
