"""Fetches records the way tutorials say, with requests, urllib3's Retry and eight threads: requests_retry.py PREFIX N FILE."""

import sys
from concurrent.futures import ThreadPoolExecutor

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

THREADS = 8


def main(prefix: str, count: int, output: str) -> int:
    session = requests.Session()
    retry = Retry(total=5, backoff_factor=1, status_forcelist=[429, 500, 502, 503, 504])
    session.mount("http://", HTTPAdapter(max_retries=retry, pool_maxsize=THREADS))

    def fetch(number: int) -> str | None:
        try:
            response = session.get(f"{prefix}{number}", timeout=30)
            response.raise_for_status()
            return response.text
        except requests.RequestException as error:
            print(error, file=sys.stderr)
            return None

    with ThreadPoolExecutor(THREADS) as pool, open(output, "w", encoding="utf-8") as file:
        records = list(pool.map(fetch, range(1, count + 1)))
        file.writelines(f"{record}\n" for record in records if record is not None)
    return 1 if None in records else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
