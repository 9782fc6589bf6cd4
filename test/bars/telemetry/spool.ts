/**
 * Bar F2: what the outbox accepted it hands out, whatever happens to it. kill -9 of the writing process, a full disk, a
 * damaged page, clocks that are set, and the cap: no accepted record is lost but those on the damaged page and those
 * that the cap gives up in its order, and each of these is counted.
 * `node test/bars/telemetry/spool.ts [--kills 30] [--long]`; --long: 200 kills. The full disk is a tmpfs: needs root.
 */
import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { LOG_LEVELS, STREAMS, type Stream } from '#contract';
import { type Clock, machineClock } from '../../../agent/clock.ts';
import { LANES } from '../../../agent/outbox/lanes.ts';
import { type Outbox, openOutbox } from '../../../agent/outbox/outbox.ts';
import { runBar } from '../../support/bar.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { numberOf, spoolRecord } from '../../support/spool-record.ts';
import { drain, limitsOf, OutboxWorld } from '../../unit/agent/outbox-world.ts';
import { silentLog } from '../../unit/agent/silent-log.ts';

const { values } = parseArgs({
  options: { long: { type: 'boolean', default: false }, kills: { type: 'string' } },
});
const KILLS = Number(values.kills ?? (values.long ? 200 : 30));
const DAMAGED_PAGES = values.long ? 300 : 40;
const PAGE_BYTES = 4096;
const DAY_MS = 86_400_000;
const random = seededRandom(2);

interface Finding {
  readonly what: string;
  readonly accepted: number;
  /** Accepted, and neither handed out nor counted as given up. */
  readonly lost: number;
  /** Handed out more than once or out of order, or given up out of order. */
  readonly wrong: number;
}

await runBar(async () => {
  const findings: Finding[] = [];
  for (const look of [kills, fullDisk, damagedPages, setClocks, cap]) {
    const finding = await look();
    findings.push(finding);
    const { what, accepted, lost, wrong } = finding;
    console.log(`${what}: ${accepted} accepted, ${lost} lost, ${wrong} wrong`);
  }
  const sum = (of: 'accepted' | 'lost' | 'wrong') =>
    findings.reduce((total, finding) => total + finding[of], 0);
  return {
    name: 'spool',
    figure: `${sum('lost')} lost, ${sum('wrong')} wrong of ${sum('accepted')} accepted (${KILLS} kills, full disk, ${DAMAGED_PAGES} damaged pages, set clocks, cap)`,
    limit: '0, 0',
    holds: sum('lost') === 0 && sum('wrong') === 0 && findings.every(({ accepted }) => accepted > 100),
  };
});

async function kills(): Promise<Finding> {
  const dir = mkdtempSync(join(tmpdir(), 'spool-'));
  const file = join(dir, 'outbox.sqlite');
  const upTo: Record<Stream, number> = { events: 0, logs: 0, metrics: 0 };
  let lost = 0;
  let wrong = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const { accepted, mayBeGone } = await writeUntilKilled(file, upTo);
    const outbox = openSpool(file);
    for (const stream of STREAMS) {
      const held = takeAll(outbox, stream);
      wrong += outOfOrder(held);
      const there = new Set(held.flat());
      for (const number of accepted[stream]) {
        if (!there.has(number) && !mayBeGone[stream].has(number)) lost += 1;
      }
      upTo[stream] = Math.max(upTo[stream], ...accepted[stream], ...there);
    }
    lost += outbox.depth().dropped + outbox.depth().records;
    outbox.close();
  }
  rmSync(dir, { recursive: true });
  const accepted = STREAMS.reduce((total, stream) => total + upTo[stream], 0);
  return { what: `${KILLS} kills of the writer`, accepted, lost, wrong };
}

/** Kills it between any two of its lines, a few hundred records on. */
async function writeUntilKilled(file: string, upTo: Record<Stream, number>) {
  const accepted: Record<Stream, number[]> = { events: [], logs: [], metrics: [] };
  const mayBeGone = { events: new Set<number>(), logs: new Set<number>(), metrics: new Set<number>() };
  const script = join(import.meta.dirname, '../../support/spool-writer.ts');
  const child = spawn(process.execPath, [script, file, ...STREAMS.map((stream) => String(upTo[stream]))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let left = 20 + Math.floor(random() * 400);
  for await (const line of createInterface({ input: child.stdout })) {
    const [kind, name, first = '0', last = '0'] = line.split(' ');
    const stream = STREAMS.find((known) => known === name);
    if (stream === undefined) continue;
    if (kind === 'accepted') accepted[stream].push(Number(first));
    for (let number = Number(first); kind === 'acknowledging' && number <= Number(last); number += 1) {
      mayBeGone[stream].add(number);
    }
    left -= 1;
    if (left === 0) child.kill('SIGKILL');
  }
  await ended;
  return { accepted, mayBeGone };
}

/** On a disk of 6 MiB with something else on it: refusals are counted, sending goes on, and so does writing afterwards. */
function fullDisk(): Finding {
  const disk = mkdtempSync(join(tmpdir(), 'spool-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', disk]);
  try {
    const file = join(disk, 'outbox.sqlite');
    let laterMs = 0;
    const machine = machineClock(() => new Date());
    const clock: Clock = () => {
      const { wallMs, monoMs, osBoot } = machine();
      return { wallMs: wallMs + laterMs, monoMs: monoMs + laterMs, osBoot };
    };
    let outbox = openSpool(file, clock);
    outbox.startSession();
    const accepted: number[] = [];
    const got: number[][] = [];
    let refused = 0;
    let stuck = 0;
    const write = (count: number): void => {
      for (let step = 0; step < count; step += 1) {
        const number = accepted.length + refused + 1;
        if (outbox.append('metrics', [spoolRecord(number, new Date())])) accepted.push(number);
        else refused += 1;
      }
    };
    write(500);
    writeFileSync(join(disk, 'filler'), Buffer.alloc(1024 * 1024));
    while (refused < 100 && accepted.length < 100_000) write(100);
    for (let batch = 0; batch < 5; batch += 1) {
      const sent = outbox.next('metrics', 'live');
      if (sent === null || outbox.acknowledge('metrics', sent).decision !== 'forget') stuck += 1;
      else got.push(sent.records.map(numberOf));
    }
    rmSync(join(disk, 'filler'));
    // It looks for room now and then, not at every record.
    laterMs = 60_000;
    const before = accepted.length;
    write(500);
    if (accepted.length !== before + 500) stuck += 1;
    const counted = outbox.depth().dropped;
    outbox.close();
    outbox = openSpool(file, clock);
    got.push(...drain(outbox, 'metrics', 'live').map(({ records }) => records.map(numberOf)));
    const again = outbox.depth().dropped;
    // Opened anew nothing is backlog before a session begins, so that all of it came out by the live lane.
    outbox.close();
    const there = new Set(got.flat());
    return {
      what: `a full disk (${refused} refused, ${again} counted)`,
      accepted: accepted.length,
      lost: accepted.filter((number) => !there.has(number)).length,
      wrong: outOfOrder(got) + stuck + Math.abs(refused - counted) + Math.abs(refused - again),
    };
  } finally {
    execFileSync('umount', [disk]);
    rmSync(disk, { recursive: true });
  }
}

/** Any page but the two that everything hangs on (schema, counts) costs what stood on it, and that is counted. */
function damagedPages(): Finding {
  const world = new OutboxWorld();
  const count = 6000;
  const fill = world.open({ batchRecords: 100 });
  for (let number = 1; number <= count; number += 20) {
    const records = Array.from({ length: 20 }, (_, index) => spoolRecord(number + index, new Date()));
    fill.append('logs', records);
  }
  world.close(fill);
  const whole = readFileSync(world.file);
  const pages = whole.length / PAGE_BYTES;
  let lost = 0;
  let wrong = 0;
  let counted = 0;
  for (let round = 0; round < DAMAGED_PAGES; round += 1) {
    const page = 8 + Math.floor(random() * (pages - 8));
    const damaged = Buffer.from(whole);
    for (let at = page * PAGE_BYTES; at < (page + 1) * PAGE_BYTES; at += 1) damaged[at] = random() * 256;
    writeFileSync(world.file, damaged);
    const outbox = world.open({ batchRecords: 100 });
    const held = takeAll(outbox, 'logs');
    wrong += outOfOrder(held);
    counted += outbox.depth().dropped;
    lost += count - held.flat().length - outbox.depth().dropped;
    world.close(outbox);
  }
  world.end();
  const share = ((counted / (DAMAGED_PAGES * count)) * 100).toFixed(2);
  return {
    what: `${DAMAGED_PAGES} damaged pages of ${Math.round(pages)} (${share} % of the records were on them, all counted)`,
    accepted: DAMAGED_PAGES * count,
    lost: Math.abs(lost),
    wrong,
  };
}

/** 1970 until NTP, set back by a year, ahead by ten, and boots in between. */
function setClocks(): Finding {
  const world = new OutboxWorld();
  world.wallMs = 60_000;
  let outbox = world.open();
  let number = 0;
  const write = (): void => {
    for (let step = 0; step < 100; step += 1) {
      world.pass(1000);
      number += 1;
      outbox.append('metrics', [spoolRecord(number, new Date(world.wallMs))]);
    }
  };
  const changes: Array<() => void> = [
    () => {
      world.wallMs = Date.parse('2026-11-23T06:00:00Z');
    },
    () => {
      world.wallMs -= 365 * DAY_MS;
    },
    () => {
      world.wallMs += 3650 * DAY_MS;
    },
    () => {
      world.close(outbox);
      world.osBoot = 'second boot';
      world.monoMs = 5000;
      world.wallMs = 60_000;
      outbox = world.open();
    },
    () => {
      world.wallMs = Date.parse('2026-11-23T12:00:00Z');
    },
  ];
  write();
  for (const change of changes) {
    change();
    write();
  }
  const got = takeAll(outbox, 'metrics');
  const dropped = outbox.depth().dropped;
  world.end();
  return {
    what: 'clocks that are set',
    accepted: number,
    lost: number - got.flat().length + dropped,
    wrong: outOfOrder(got),
  };
}

/** Four times what fits: measurements are thinned before any log line goes, debug before info, and no event ever. */
function cap(): Finding {
  const world = new OutboxWorld();
  let outbox = world.open(limitsOf(4 * 1024 * 1024));
  const accepted: Record<Stream, number> = { events: 0, logs: 0, metrics: 0 };
  let wrong = 0;
  let number = 0;
  for (let round = 0; round < 800; round += 1) {
    world.pass(30_000);
    const make = (count: number) =>
      Array.from({ length: count }, () => spoolRecord(++number, new Date(world.wallMs)));
    outbox.append('metrics', make(50));
    outbox.append(
      'logs',
      make(50).map((record, index) => ({ ...record, log_level: LOG_LEVELS[index % 4] ?? 'info' })),
    );
    outbox.append('events', make(1));
    accepted.metrics += 50;
    accepted.logs += 50;
    accepted.events += 1;
    const { events, logs, metrics } = outbox.depth().by_class ?? {};
    if ((events?.dropped ?? 0) > 0) wrong += 1;
    if ((logs?.dropped ?? 0) > 0 && (metrics?.dropped ?? 0) === 0) wrong += 1;
    if (outbox.depth().bytes > 4 * 1024 * 1024) wrong += 1;
  }
  const before = JSON.stringify(outbox.depth());
  world.close(outbox);
  outbox = world.open(limitsOf(4 * 1024 * 1024));
  if (JSON.stringify(outbox.depth()) !== before) wrong += 1;
  let lost = 0;
  for (const stream of STREAMS) {
    const dropped = outbox.depth().by_class?.[stream]?.dropped ?? 0;
    const got = takeAll(outbox, stream);
    wrong += outOfOrder(got);
    lost += Math.abs(accepted[stream] - got.flat().length - dropped);
  }
  world.end();
  return { what: 'the cap, filled four times over', accepted: number, lost, wrong };
}

function openSpool(file: string, clock: Clock = machineClock(() => new Date())): Outbox {
  return openOutbox({
    file,
    log: silentLog(),
    clock,
    newId: randomUUID,
    limits: { batchRecords: 5 },
  });
}

/** The numbers of every batch of both lanes, acknowledged one by one; the backlog first, for it is older. */
function takeAll(outbox: Outbox, stream: Stream): number[][] {
  outbox.startSession();
  return [...LANES]
    .reverse()
    .flatMap((lane) => drain(outbox, stream, lane).map(({ records }) => records.map(numberOf)));
}

/** Within a lane numbers only rise; a batch that was on its way in the live lane comes after the backlog here. */
function outOfOrder(batches: readonly number[][]): number {
  const all = batches.flat();
  const doubled = all.length - new Set(all).size;
  const steps = batches.map(([first = 0], index) => first <= (batches[index - 1]?.at(-1) ?? 0));
  const within = batches.filter((batch) => batch.some((number, index) => number <= (batch[index - 1] ?? 0)));
  // One step back per session: from the backlog to what the live lane had on its way.
  return doubled + within.length + Math.max(0, steps.filter(Boolean).length - 1);
}
