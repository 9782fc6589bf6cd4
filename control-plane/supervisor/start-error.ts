/** A reason not to start that a person can act on: one sentence with the remedy, shown without a stack. */
export class StartError extends Error {
  override name = 'StartError';
}
