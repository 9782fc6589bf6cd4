/** The broker's door. */
export type { AedesFactory } from './aedes.ts';
export { type BrokerOptions, type RunningBroker, startBroker } from './broker.ts';
export { exportAcl } from './export-acl.ts';
export { DEFAULT_LIMITS, type Limits } from './limits.ts';
export type { BrokerLog } from './log.ts';
export type { BrokerMetrics } from './metrics.ts';
