// Fills a paused queue by addBulk with every message that is due, says how long that took, and lets the
// workers begin when a line comes in; the time at which it did so is the second line it prints.
import { once } from 'node:events'
import { Queue } from 'bullmq'
import pg from 'pg'
import { QUEUE, postgresql, redis } from './settings.mjs'

const BULK = 1000
const queue = new Queue(QUEUE, { connection: redis })
const database = new pg.Client(postgresql)
await database.connect()
const { rows } = await database.query("SELECT id, address, merge FROM messages WHERE state = 'due' ORDER BY id")
await database.end()

await queue.pause()
const began = performance.now()
for (let at = 0; at < rows.length; at += BULK) {
  await queue.addBulk(rows.slice(at, at + BULK).map(({ id, address, merge }) => ({
    name: 'message',
    data: { id, to: address, merge },
    opts: { attempts: 6, backoff: { type: 'exponential', delay: 1000 }, removeOnComplete: true }
  })))
}
console.log(JSON.stringify({ jobs: rows.length, seconds: (performance.now() - began) / 1000 }))
await once(process.stdin, 'data')
const at = Date.now() / 1000
await queue.resume()
console.log(at)
await queue.close()
process.exit(0)
