/** The MQTT contract's door: all that devices, integrators and the platform agree on. */
export * from './ack.ts';
export * from './acl.ts';
export * from './batch.ts';
export * from './certificate.ts';
export * from './channels.ts';
export * from './decode.ts';
export * from './heartbeat.ts';
export * from './identity.ts';
export * from './live.ts';
export * from './logs.ts';
export * from './metric-catalogue.ts';
export * from './metrics.ts';
export * from './presence.ts';
export * from './system.ts';
export * from './telemetry.ts';
export * from './topics.ts';
