/**
 * Child process of the spool bar: appends numbered records of every class as fast as it can and acknowledges some, and
 * says so line by line: `accepted STREAM NUMBER` after it, `acknowledging STREAM FIRST LAST` before it.
 */
import { randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { STREAMS } from '#contract';
import { machineClock } from '../../agent/clock.ts';
import { openOutbox } from '../../agent/outbox/outbox.ts';
import { silentLog } from '../unit/agent/silent-log.ts';
import { numberOf, spoolRecord } from './spool-record.ts';

const [file = '', ...starts] = process.argv.slice(2);
const outbox = openOutbox({
  file,
  log: silentLog(),
  clock: machineClock(() => new Date()),
  newId: randomUUID,
  limits: { batchRecords: 5 },
});
const numbers = STREAMS.map((_, index) => Number(starts[index] ?? 0));

for (let round = 1; ; round += 1) {
  if (round % 40 === 1) outbox.startSession();
  for (const [index, stream] of STREAMS.entries()) {
    const number = (numbers[index] ?? 0) + 1;
    if (!outbox.append(stream, [spoolRecord(number, new Date())])) continue;
    numbers[index] = number;
    writeSync(1, `accepted ${stream} ${number}\n`);
  }
  if (round % 4 !== 0) continue;
  const stream = STREAMS[(round / 4) % STREAMS.length] ?? 'metrics';
  const batch = outbox.next(stream, round % 8 === 0 ? 'live' : 'backlog');
  if (batch === null) continue;
  const held = batch.records.map(numberOf);
  writeSync(1, `acknowledging ${stream} ${held[0]} ${held.at(-1)}\n`);
  outbox.acknowledge(stream, batch);
}
