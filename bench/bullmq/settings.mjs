// What bench/delivery.py tells these programs, by their environment.
const { BENCH_REDIS_SOCKET, BENCH_POSTGRESQL, BENCH_CHANNEL, BENCH_SINK, BENCH_CONCURRENCY, BENCH_POOL } = process.env

export const QUEUE = 'messages'
export const redis = { path: BENCH_REDIS_SOCKET }
export const postgresql = { connectionString: BENCH_POSTGRESQL }
export const channel = BENCH_CHANNEL
export const sink = BENCH_SINK
export const concurrency = Number(BENCH_CONCURRENCY)
export const pool = Number(BENCH_POOL)
