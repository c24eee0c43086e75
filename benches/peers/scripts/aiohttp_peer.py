"""Token calls by aiohttp: URL, how many, how many at once. Prints calls a second."""

import asyncio
import sys
import time

import aiohttp

URL, CALLS, WIDTH = sys.argv[1] + "/v1/connect/token", int(sys.argv[2]), int(sys.argv[3])
HEADERS = {"accept": "application/json", "user-agent": "humanapi-rust/0.1.0"}
FIELDS = {
    "client_id": "8d3f2a60c1b7e94f5a06",
    "client_secret": "b5d0a7c2e94f4f1c8a6e3d7b9c0f12a4e6d8b7c5",
    "client_user_id": "patient-17",
    "type": "access",
}


async def make(session: aiohttp.ClientSession, total: int) -> None:
    begun = iter(range(total))

    async def one() -> None:
        for _ in begun:
            async with session.post(URL, json=FIELDS) as response:
                answer = await response.json()
                if response.status != 200 or "access_token" not in answer:
                    raise RuntimeError("refused")

    await asyncio.gather(*(one() for _ in range(WIDTH)))


async def main() -> None:
    connector = aiohttp.TCPConnector(limit=WIDTH)
    async with aiohttp.ClientSession(connector=connector, headers=HEADERS) as session:
        await make(session, max(200, CALLS // 10))
        begin = time.perf_counter()
        await make(session, CALLS)
        print(CALLS / (time.perf_counter() - begin))


asyncio.run(main())
