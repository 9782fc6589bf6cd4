/** Positions in the order of reading: one counts only when all before it are done. Pure but for its own list. */

export interface Ticket<P> {
  readonly position: P;
  isDone: boolean;
}

export interface Progress<P> {
  enter(position: P): Ticket<P>;
  /** Commits every position up to the first that is not done. */
  finish(tickets: readonly Ticket<P>[]): void;
  /** Lines that were read and are not done. */
  readonly open: number;
}

/** `commit` is called in the order of reading, for every position. */
export function createProgress<P>(commit: (position: P) => void): Progress<P> {
  let tickets: Ticket<P>[] = [];
  let first = 0;
  return {
    enter(position) {
      const ticket = { position, isDone: false };
      tickets.push(ticket);
      return ticket;
    },
    finish(done) {
      for (const ticket of done) ticket.isDone = true;
      for (let head = tickets[first]; head?.isDone === true; head = tickets[first]) {
        first += 1;
        commit(head.position);
      }
      if (first > 1000 || first === tickets.length) {
        tickets = tickets.slice(first);
        first = 0;
      }
    },
    get open() {
      return tickets.length - first;
    },
  };
}
