"""What every error of the API looks like."""

from __future__ import annotations

import httpx


def is_problem(answer: httpx.Response, status: int, code: str) -> bool:
    said = answer.json()
    return (
        answer.status_code == status == said["status"]
        and said["code"] == code
        and answer.headers["content-type"] == "application/problem+json"
        and said["request_id"] == answer.headers["x-request-id"]
    )
