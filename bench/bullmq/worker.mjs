// A BullMQ worker as its documentation would have it: one job a message, many at once in one process,
// one POST over kept connections, one UPDATE of the message's row.
import { createHmac } from 'node:crypto'
import { Worker } from 'bullmq'
import pg from 'pg'
import { Pool } from 'undici'
import { QUEUE, channel, concurrency, pool, postgresql, redis, sink } from './settings.mjs'

const database = new pg.Pool({ ...postgresql, max: pool })
const http = new Pool(sink, { connections: concurrency, pipelining: 1 })

const SUBJECT = 'Hi {{ first_name }}'
const BODIES = {
  email: 'Hi {{ first_name }},\n\nit has been a while since we spoke about {{ company }}. Is it still of interest?',
  sms: 'Hi {{ first_name }}, are you still interested in {{ company }}?\nReply STOP to opt out.'
}
const ADDRESS = 'Overture (sandbox), 1 Example Street, Springfield'
const BASE = 'http://127.0.0.1:8765'

const render = (template, values) => template.replace(/{{ (\w+) }}/g, (_, name) => values[name] ?? '')

function mail ({ id, to, merge }) {
  const signature = createHmac('sha256', 'a secret of the bench').update(id).digest('hex')
  const link = `${BASE}/messaging/unsubscribe/${id}/${signature}`
  const text = `${render(BODIES.email, merge)}\n\n-- \n${ADDRESS}\nUnsubscribe: ${link}`
  return {
    path: '/v3/mail/send',
    headers: { authorization: 'Bearer SG.bench', 'content-type': 'application/json' },
    body: JSON.stringify({
      personalizations: [{
        to: [{ email: to }],
        custom_args: { message_id: id, workspace: 'default' },
        headers: { 'List-Unsubscribe': `<${link}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }
      }],
      from: { email: 'hello@overture.example', name: 'Overture' },
      reply_to: { email: `reply+${id}@overture.example`, name: 'Overture' },
      subject: render(SUBJECT, merge),
      content: [{ type: 'text/plain', value: text }]
    })
  }
}

function sms ({ id, to, merge }) {
  const callback = `${BASE}/messaging/webhooks/twilio/status?message=${id}&workspace=default`
  const form = new URLSearchParams({
    To: to, From: '+15005550006', Body: render(BODIES.sms, merge), StatusCallback: callback
  })
  return {
    path: '/2010-04-01/Accounts/AC0000/Messages.json',
    headers: { authorization: 'Basic QUMwMDAwOmJlbmNo', 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString()
  }
}

const request = channel === 'email' ? mail : sms
const provider = channel === 'email' ? 'sendgrid' : 'twilio'
const ACCEPTED = {
  name: 'accepted',
  text: "UPDATE messages SET state = 'accepted', provider = $2, provider_id = $3, attempt = attempt + 1, " +
    'accepted_at = now(), updated_at = now() WHERE id = $1'
}

async function deliver (job) {
  const { statusCode, headers, body } = await http.request({ method: 'POST', ...request(job.data) })
  if (statusCode !== 202 && statusCode !== 201) throw new Error(`the provider answered ${statusCode}`)
  const told = statusCode === 201 ? (await body.json()).sid : (await body.dump(), headers['x-message-id'])
  await database.query({ ...ACCEPTED, values: [job.data.id, provider, told] })
}

const worker = new Worker(QUEUE, deliver, { connection: redis, concurrency })
worker.on('error', error => console.error(error))
worker.on('failed', (_job, error) => console.error(error))
await worker.waitUntilReady()
console.log('ready')

process.once('SIGTERM', async () => {
  await worker.close()
  await Promise.all([database.end(), http.close()])
  process.exit(0)
})
