/** The time that relative times are shown against; ticks only while the page is visible. */
import { createStore, type Readable } from './store.ts';

const TICK_MS = 1000;

export interface Clock extends Readable<number> {
  start(): void;
}

/** Milliseconds since 1970. */
export function createClock(now: () => number, page: Document): Clock {
  const time = createStore(now());
  let timer: ReturnType<typeof setInterval> | undefined;
  const tick = () => time.set(now());
  const follow = () => {
    clearInterval(timer);
    if (page.visibilityState === 'hidden') return;
    tick();
    timer = setInterval(tick, TICK_MS);
  };
  return {
    ...time,
    start() {
      page.addEventListener('visibilitychange', follow);
      follow();
    },
  };
}
