/** A shipper in a process of its own that may be killed: `node shipping-process.ts STATE_DIR FILE OUT`. Appends each message to OUT. */
import { openSync, writeSync } from 'node:fs';
import { startLogShipper } from '../../../agent/logs/shipper.ts';
import { DEFAULT_TELEMETRY } from '../../../broker/contract/index.ts';
import { silentLog } from '../../unit/agent/silent-log.ts';
import { UNLIMITED } from './shipped.ts';

const [stateDir = '', path = '', out = ''] = process.argv.slice(2);
const handle = openSync(out, 'a');
await startLogShipper({
  config: { journald: false, containers: false, files: [{ path, from: 'start', rate: UNLIMITED }] },
  settings: DEFAULT_TELEMETRY,
  stateDir,
  sink: (records) => void writeSync(handle, records.map(({ message }) => `${message}\n`).join('')),
  pressure: () => 0,
  event: () => undefined,
  log: silentLog(),
});
