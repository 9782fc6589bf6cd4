/** Child process of the outbox crash test: appends numbered records and acknowledges some, saying so line by line. */
import { writeSync } from 'node:fs';
import { machineClock } from '../../../agent/clock.ts';
import { openOutbox } from '../../../agent/outbox/outbox.ts';
import { silentLog } from '../../unit/agent/silent-log.ts';

const [file = '', from = '0'] = process.argv.slice(2);
const outbox = openOutbox({
  file,
  log: silentLog(),
  clock: machineClock(() => new Date()),
  newId: () => 'boot-id-one',
  limits: { batchRecords: 5 },
});
for (let number = Number(from) + 1; ; number += 1) {
  outbox.append('metrics', [{ timestamp: new Date().toISOString(), metric_type: 'cpu', value: { number } }]);
  writeSync(1, `appended ${number}\n`);
  if (number % 12 === 0) {
    const batch = outbox.next('metrics', 'live');
    if (batch !== null) {
      outbox.acknowledge('metrics', batch);
      writeSync(1, `acknowledged ${Number(batch.records.at(-1)?.value.number)}\n`);
    }
  }
}
