#!/usr/bin/env python3
"""Example customers: asks the orders service a bounded number of things, one after another. Standard library only."""

import argparse
import itertools
import time
import urllib.error
import urllib.request

PATHS = ["/orders/1", "/orders/2", "/orders/3", "/orders", "/health", "/orders/1?verbose=1", "/nothing"]


def ask(url, number):
    """One request; every tenth is a POST. Returns the status, or 0 where there was no answer."""
    body = b'{"sku": "A1"}' if number % 10 == 9 else None
    path = "/orders" if body else PATHS[number % len(PATHS)]
    try:
        with urllib.request.urlopen(urllib.request.Request(url + path, data=body), timeout=10) as answer:
            answer.read()
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def main():
    """Asks until the time is over."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--url", required=True)
    arguments.add_argument("--for", dest="seconds", type=float, default=10, help="seconds")
    arguments.add_argument("--every", type=float, default=0.05, help="seconds between requests")
    chosen = arguments.parse_args()
    end = time.monotonic() + chosen.seconds
    for number in itertools.count():
        if time.monotonic() > end:
            return
        ask(chosen.url, number)
        time.sleep(chosen.every)


if __name__ == "__main__":
    main()
