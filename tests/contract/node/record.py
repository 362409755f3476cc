"""Record ``bcoin_batch.json``: run ``node start.js 18600 pw`` in tests/node, then ``python record.py``."""

import base64
import json
import urllib.request
from pathlib import Path

URL = "http://127.0.0.1:18600"


def ask(calls: list[tuple[str, str, list[object]]]) -> list[dict[str, object]]:
    body = json.dumps([{"id": name, "method": method, "params": params} for name, method, params in calls]).encode()
    key = base64.b64encode(b"x:pw").decode()
    request = urllib.request.Request(URL, body, {"Authorization": f"Basic {key}", "Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def main() -> None:
    """Mine, pay, ask, keep."""
    ask([("mine", "generate", [105])])
    ask([("pay", "spendcoinbase", [1, 12345]), ("mine", "generate", [1])])
    tip = ask([("tip", "getblockhash", [106])])[0]["result"]
    answers = ask(
        [
            ("getblockchaininfo", "getblockchaininfo", []),
            ("getblockhash 106", "getblockhash", [106]),
            ("getblockheader 106", "getblockheader", [tip, False]),
            ("getblock 106", "getblock", [tip, 0]),
            ("getblockstats 106", "getblockstats", [tip]),
            ("getblockhash 999", "getblockhash", [999]),
        ]
    )
    for name in ("softforks", "bip9_softforks"):
        answers[0]["result"].pop(name)  # type: ignore[attr-defined]
    Path(__file__).with_name("bcoin_batch.json").write_text(json.dumps(answers, indent=1) + "\n")


if __name__ == "__main__":
    main()
