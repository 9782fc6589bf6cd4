/**
 * With a program in docker's place that speaks what its documentation says of `ps` and `logs`: no daemon runs here.
 * The program keeps its containers in files: `ps` prints `list`, `logs ID` follows `ID.out` and `ID.err` while `ID.up` is
 * there, and leaves out what is older than `--since`, which includes lines of that very time.
 */
import { appendFile, chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startContainers } from '../../../agent/logs/containers.ts';
import { createGate } from '../../../agent/logs/gate.ts';
import { createLogFeed } from '../../../agent/logs/log-feed.ts';
import { createPipeline } from '../../../agent/logs/pipeline.ts';
import { openPositions } from '../../../agent/logs/positions.ts';
import { openStateFolder } from '../../../agent/state.ts';
import { DEFAULT_TELEMETRY } from '../../../broker/contract/index.ts';
import { silentLog } from '../../unit/agent/silent-log.ts';
import { openShipped, type Shipped, UNLIMITED } from './shipped.ts';

const FAKE = `#!${process.execPath}
const { readFileSync, existsSync, appendFileSync } = require('node:fs');
const dir = __dirname;
const args = process.argv.slice(2);
appendFileSync(dir + '/calls', args.join(' ') + '\\n');
if (args[0] === 'ps') process.stdout.write(readFileSync(dir + '/list', 'utf8'));
else {
  const id = args.at(-1);
  const since = args.includes('--since') ? Date.parse(args[args.indexOf('--since') + 1]) : 0;
  const done = { out: 0, err: 0 };
  const look = () => {
    const isUp = existsSync(dir + '/' + id + '.up');
    for (const [name, to] of [['out', process.stdout], ['err', process.stderr]]) {
      const path = dir + '/' + id + '.' + name;
      const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
      for (const line of text.slice(done[name]).split('\\n').slice(0, -1)) {
        if (Date.parse(line.split(' ')[0]) >= since) to.write(line + '\\n');
        done[name] += line.length + 1;
      }
    }
    if (isUp) setTimeout(look, 20);
  };
  look();
}
`;

const WEB = 'a'.repeat(64);
const JOB = 'b'.repeat(64);

describe('containers', () => {
  let shipped: Shipped;
  let bin: string;
  const running: { stop(): Promise<void> }[] = [];

  beforeEach(async () => {
    shipped = await openShipped();
    bin = join(shipped.dir, 'bin');
    await mkdir(bin);
    await writeFile(join(bin, 'docker'), FAKE);
    await chmod(join(bin, 'docker'), 0o755);
    await writeFile(join(bin, 'list'), '');
  });
  afterEach(async () => {
    for (const each of running.splice(0)) await each.stop();
    await shipped.end();
  });

  const list = async (...rows: (readonly [id: string, name: string, isUp: boolean])[]): Promise<void> => {
    for (const [id, , isUp] of rows) {
      if (isUp) await writeFile(join(bin, `${id}.up`), '');
      else await rm(join(bin, `${id}.up`), { force: true });
    }
    const lines = rows.map(([ID, Names, isUp]) =>
      JSON.stringify({ ID, Names, State: isUp ? 'running' : 'exited' }),
    );
    await writeFile(join(bin, 'list'), `${lines.join('\n')}\n`);
  };
  const say = (id: string, stream: 'out' | 'err', text: string, at = new Date()): Promise<void> =>
    appendFile(join(bin, `${id}.${stream}`), `${at.toISOString().replace('Z', '000000Z')} ${text}\n`);
  /** Wired as the shipper does, with the program's path in place of its name and without 10 s between two looks. */
  const start = async (config = {}) => {
    const around = {
      now: () => new Date(),
      monotonicMs: () => performance.now(),
      event: (event: (typeof shipped.events)[number]) => void shipped.events.push(event),
      log: silentLog(),
    };
    const positions = await openPositions(await openStateFolder(join(shipped.dir, 'state')), around);
    const feed = createLogFeed({
      settings: DEFAULT_TELEMETRY,
      sink: (records) => void shipped.records.push(...records),
    });
    const sources = startContainers({
      config: { tool: 'docker', ...config },
      programs: { docker: join(bin, 'docker') },
      positions,
      gate: createGate(() => 0),
      around,
      everyMs: 200,
      pipeline: (name, commit) =>
        createPipeline({ name, join: { kind: 'auto' }, rate: UNLIMITED, feed, commit, around }),
    });
    const timer = setInterval(() => sources.tick(), 50);
    const stop = async () => {
      clearInterval(timer);
      await sources.stop();
      await positions.stop();
    };
    running.push({ stop });
    return { sources, stop };
  };

  it('are followed from now on; those that come later from their first line; both streams, with name and level', async () => {
    await say(WEB, 'out', 'history', new Date(Date.now() - 60_000));
    await list([WEB, 'web', true]);
    const { sources } = await start();
    await shipped.until('it is followed', () => sources.states()[0]?.phase === 'reading');
    await say(WEB, 'out', 'GET / 200');
    await say(WEB, 'err', 'ERROR no upstream');
    await say(JOB, 'out', 'its first line', new Date(Date.now() - 5000));
    await list([WEB, 'web', true], [JOB, 'job', true]);
    await shipped.until('three lines', () => shipped.records.length === 3);
    const of = (message: string) => shipped.records.find((record) => record.message === message);
    expect(of('GET / 200')).toMatchObject({
      service_name: 'web',
      log_level: 'info',
      metadata: { stream: 'stdout' },
    });
    expect(of('ERROR no upstream')).toMatchObject({
      log_level: 'error',
      metadata: { container: WEB.slice(0, 12), stream: 'stderr' },
    });
    expect(of('its first line')).toMatchObject({ service_name: 'job' });
  });

  it('go on after a restart of the container and of the agent, no line twice and none left out', async () => {
    await list([WEB, 'web', true]);
    const first = await start();
    await shipped.until('it is followed', () => first.sources.states()[0]?.phase === 'reading');
    const at = new Date();
    await say(WEB, 'out', 'one', at);
    await say(WEB, 'out', 'two', at);
    await shipped.until('two lines', () => shipped.records.length === 2);
    await list([WEB, 'web', false]);
    await shipped.until('it ended', () => first.sources.states()[0]?.phase === 'waiting');
    await say(WEB, 'out', 'three', at);
    await list([WEB, 'web', true]);
    await shipped.until('the third', () => shipped.records.length === 3);
    await first.stop();
    await say(WEB, 'out', 'four');
    await say(WEB, 'err', 'five');
    await start();
    await shipped.until('five lines', () => shipped.records.length === 5);
    expect(shipped.messages().sort()).toEqual(['five', 'four', 'one', 'three', 'two']);
  });

  it('are chosen by name', async () => {
    await list([WEB, 'web-1', true], [JOB, 'job', true]);
    const { sources } = await start({ include: ['web-*', 'job'], exclude: ['job'] });
    await shipped.until('one is followed', () => sources.states().length === 1);
    expect(sources.states()[0]?.name).toBe('docker:web-1');
    expect(await readFile(join(bin, 'calls'), 'utf8')).not.toContain(JOB);
  });
});
