/** CPU time and memory of a process with all that it started, from /proc. Linux. Source: proc_pid_stat(5). */
import { readdirSync, readFileSync } from 'node:fs';

/** Of this kernel's user interface; `getconf CLK_TCK` is 100 on every Linux that runs Node. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

interface Stat {
  readonly pid: number;
  readonly parent: number;
  /** Own, and of children that ended and were waited for. */
  readonly ticks: number;
  readonly endedTicks: number;
  readonly rssBytes: number;
}

/** Seconds of CPU that the process and its living and ended descendants took. */
export const cpuSecondsOf = (root: number): number =>
  treeOf(root).reduce((sum, { ticks }) => sum + ticks, 0) / TICKS_PER_SECOND;

/** Resident memory of this process alone; 0 when it is gone. */
export const rssMbOf = (pid: number): number => (statOf(pid)?.rssBytes ?? 0) / 2 ** 20;

/** Seconds of CPU of the children that this process started and that have ended. */
export const endedChildrenSeconds = (): number => (statOf(process.pid)?.endedTicks ?? 0) / TICKS_PER_SECOND;

function treeOf(root: number): Stat[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => statOf(Number(name)) ?? []);
  const wanted = new Set([root]);
  // Parents may have higher numbers than their children; passes go on until nothing is added.
  for (let before = 0; before !== wanted.size; ) {
    before = wanted.size;
    for (const { pid, parent } of all) if (wanted.has(parent)) wanted.add(pid);
  }
  return all.filter(({ pid }) => wanted.has(pid));
}

function statOf(pid: number): Stat | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null; // It ended between the listing and now.
  }
  // The name stands in brackets and may hold spaces and brackets itself.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const at = (index: number): number => fields[index] ?? 0;
  return {
    pid,
    parent: at(1),
    ticks: at(11) + at(12) + at(13) + at(14),
    endedTicks: at(13) + at(14),
    rssBytes: at(21) * PAGE_BYTES,
  };
}
