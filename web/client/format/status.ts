/** Words, icons and tones of every status. Colour is never alone: each has its own icon and text. Pure. */
import type {
  ApiKeyView,
  ApprovalView,
  CertificateView,
  DeviceStatus,
  DeviceType,
  TokenView,
} from '#web-api';

export type Tone = 'good' | 'warn' | 'bad' | 'info' | 'quiet';
export interface StatusLook {
  readonly label: string;
  readonly icon: 'check' | 'alert' | 'cross' | 'moon' | 'wrench' | 'ban' | 'dashed' | 'clock' | 'refresh';
  readonly tone: Tone;
  readonly meaning: string;
}

export const DEVICE_STATUS_LOOKS: Readonly<Record<DeviceStatus, StatusLook>> = {
  online: { label: 'Online', icon: 'check', tone: 'good', meaning: 'Beating over MQTT.' },
  degraded: {
    label: 'Degraded',
    icon: 'alert',
    tone: 'warn',
    meaning: 'Reachable, but late, over HTTPS only, or with a service in trouble.',
  },
  error: { label: 'Error', icon: 'cross', tone: 'bad', meaning: 'The device reports an error of its own.' },
  offline: { label: 'Offline', icon: 'moon', tone: 'bad', meaning: 'No heartbeat for more than 75 s.' },
  maintenance: {
    label: 'Maintenance',
    icon: 'wrench',
    tone: 'info',
    meaning: 'Set aside by an operator; raises no alarm.',
  },
  never_seen: {
    label: 'Never seen',
    icon: 'dashed',
    tone: 'quiet',
    meaning: 'Registered, but no heartbeat yet.',
  },
  disabled: { label: 'Disabled', icon: 'ban', tone: 'quiet', meaning: 'Switched off by an operator.' },
};

export const DEVICE_TYPE_LABELS: Readonly<Record<DeviceType, string>> = {
  'uc1-pro': 'UC-1 Pro',
  gateway: 'Gateway',
  custom: 'Custom',
};

export const API_KEY_STATE_LOOKS: Readonly<Record<ApiKeyView['state'], StatusLook>> = {
  live: { label: 'Live', icon: 'check', tone: 'good', meaning: 'Programs can use it.' },
  expired: { label: 'Expired', icon: 'clock', tone: 'quiet', meaning: 'Its time is over.' },
  revoked: { label: 'Revoked', icon: 'cross', tone: 'bad', meaning: 'Withdrawn.' },
};

export const TOKEN_STATE_LOOKS: Readonly<Record<TokenView['state'], StatusLook>> = {
  live: { label: 'Live', icon: 'check', tone: 'good', meaning: 'Devices can enrol with it.' },
  used_up: { label: 'Used up', icon: 'ban', tone: 'quiet', meaning: 'Every use is taken.' },
  expired: { label: 'Expired', icon: 'clock', tone: 'quiet', meaning: 'Its time is over.' },
  revoked: { label: 'Revoked', icon: 'cross', tone: 'bad', meaning: 'Withdrawn by an operator.' },
};

export const APPROVAL_STATE_LOOKS: Readonly<Record<ApprovalView['state'], StatusLook>> = {
  waiting: { label: 'Waiting', icon: 'clock', tone: 'warn', meaning: 'Nobody has decided yet.' },
  approved: {
    label: 'Approved',
    icon: 'check',
    tone: 'good',
    meaning: 'It gets its certificate when it asks.',
  },
  enrolled: { label: 'Enrolled', icon: 'check', tone: 'good', meaning: 'It has its certificate.' },
  rejected: { label: 'Rejected', icon: 'cross', tone: 'bad', meaning: 'Turned away.' },
  ended: { label: 'Ended', icon: 'ban', tone: 'quiet', meaning: 'Nothing can be decided any more.' },
};

export const CERTIFICATE_STATE_LOOKS: Readonly<Record<CertificateView['state'], StatusLook>> = {
  active: { label: 'Active', icon: 'check', tone: 'good', meaning: 'In use.' },
  pending: { label: 'Pending', icon: 'clock', tone: 'warn', meaning: 'Issued, not yet used by the device.' },
  superseded: { label: 'Superseded', icon: 'refresh', tone: 'quiet', meaning: 'Replaced by a newer one.' },
  revoked: { label: 'Revoked', icon: 'cross', tone: 'bad', meaning: 'Refused everywhere.' },
  expired: { label: 'Expired', icon: 'clock', tone: 'quiet', meaning: 'Past its last day.' },
};

export function serviceLook(status: string): StatusLook {
  switch (status) {
    case 'running':
      return { label: 'Running', icon: 'check', tone: 'good', meaning: 'The service runs.' };
    case 'starting':
      return { label: 'Starting', icon: 'refresh', tone: 'info', meaning: 'The service starts.' };
    case 'failed':
      return { label: 'Failed', icon: 'cross', tone: 'bad', meaning: 'The service ended with an error.' };
    case 'stopped':
      return { label: 'Stopped', icon: 'ban', tone: 'quiet', meaning: 'The service is stopped.' };
    default:
      return { label: 'Unknown', icon: 'dashed', tone: 'quiet', meaning: 'The device cannot tell.' };
  }
}

/** Fleet summary order: what needs a look first stands nearest to the total. */
export const SUMMARY_ORDER = [
  'online',
  'degraded',
  'error',
  'offline',
  'maintenance',
  'never_seen',
  'disabled',
] as const satisfies readonly DeviceStatus[];

/** Use of a resource: quiet until it is worth a look. */
export function meterTone(percentUsed: number): Tone {
  if (percentUsed >= 90) return 'bad';
  return percentUsed >= 75 ? 'warn' : 'good';
}
