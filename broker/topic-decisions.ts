/** A decision on a topic, remembered: devices use the same few again and again, and the rules only read the name. Pure. */

/** A device has a dozen topics, a service those of every device: 20,000 at some 150 bytes are 3 MB. */
const MAX_TOPICS = 20_000;

/** @param decide must depend on the topic alone. */
export function rememberTopics(decide: (topic: string) => boolean): (topic: string) => boolean {
  const known = new Map<string, boolean>();
  return (topic) => {
    const answer = known.get(topic);
    if (answer !== undefined) return answer;
    if (known.size >= MAX_TOPICS) known.clear();
    const decided = decide(topic);
    // A refusal closes the connection or is rare; only what goes on is worth a place.
    if (decided) known.set(topic, true);
    return decided;
  };
}
