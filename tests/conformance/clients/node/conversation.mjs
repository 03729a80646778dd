// How a relying party talks with the test that started it: one line of JSON at a time, over standard input and
// output. The first line it hears is its task; it asks the person to go somewhere, hears where that ended, and tells
// what it found at the end.
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

async function heard() {
  const { value, done } = await lines.next()
  if (done) throw new Error('the test hung up')
  return JSON.parse(value)
}

function say(words) {
  process.stdout.write(`${JSON.stringify(words)}\n`)
}

/** The task: issuer, client, keys. */
export const task = await heard()

/** Send the person to `url`; return the URL at which they came back, and what they posted there. */
export async function person(url) {
  say({ go: String(url) })
  const { back, posted } = await heard()
  return { url: new URL(back), posted: new URLSearchParams(posted) }
}

/** Tell that a server of ours listens at `url`, and wait until the test has done with it. */
export async function serve(url) {
  say({ serving: String(url) })
  await heard()
}

/** Tell what was found, and end. */
export function found(words) {
  say({ found: words })
  process.exit(0)
}
