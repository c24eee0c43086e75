// Token calls by undici's pool: URL, how many, how many at once. Prints calls a second.
const { Pool } = require('undici');

const [origin, calls, width] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const pool = new Pool(origin, { connections: width });
const request = {
  path: '/v1/connect/token',
  method: 'POST',
  headers: {
    accept: 'application/json',
    'content-type': 'application/json',
    'user-agent': 'humanapi-rust/0.1.0',
  },
};
const fields = {
  client_id: '8d3f2a60c1b7e94f5a06',
  client_secret: 'b5d0a7c2e94f4f1c8a6e3d7b9c0f12a4e6d8b7c5',
  client_user_id: 'patient-17',
  type: 'access',
};

async function make(total) {
  let begun = 0;
  const one = async () => {
    while (begun++ < total) {
      const { statusCode, body } = await pool.request({ ...request, body: JSON.stringify(fields) });
      const answer = await body.json();
      if (statusCode !== 200 || !answer.access_token) throw new Error('refused');
    }
  };
  await Promise.all(Array.from({ length: width }, one));
}

(async () => {
  await make(Math.max(1000, calls / 10));
  const begin = process.hrtime.bigint();
  await make(calls);
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
  console.log(calls / seconds);
  await pool.close();
})();
