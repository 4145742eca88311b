"""What the OpenAPI document says is what the service does, whatever is sent: no answer of 5xx."""

from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
PATHS = [
    "POST /v1/checks",
    "POST /v1/sessions",
    "GET /v1/sessions/{id}",
    "DELETE /v1/sessions/{id}",
    "GET /v1/sessions/{id}/pictures/{number}",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /.well-known/jwks.json",
]
EXAMPLES = 15  # of each path


@pytest.fixture
def wide(serve: Any) -> Any:
    return serve(key_rate="100000/minute", address_rate="100000/minute")


def answers_of(operation: Any, wide: Any, session: str) -> Counter[int]:
    """How often each status was answered to what schemathesis sends, with a key and with a wrong one."""
    answers: Counter[int] = Counter()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def send(case: Any) -> None:
        for key in (wide.key, "guess"):
            if "id" in (case.path_parameters or {}) and key == wide.key and case.method == "GET":
                case.path_parameters["id"] = session
            answer = case.call(headers={"Authorization": f"Bearer {key}"})
            answers[answer.status_code] += 1
            case.validate_response(answer, checks=CHECKS)

    send()
    return answers


def test_whatever_is_sent_the_answer_is_one_that_the_document_names(wide: Any) -> None:
    schema: Any = schemathesis.openapi.from_url(f"{wide.base}/openapi.json")
    operations = {result.ok().label: result.ok() for result in schema.get_all_operations()}
    assert set(PATHS) <= set(operations)
    session = wide.session()["id"]
    answers = {path: answers_of(operations[path], wide, session) for path in PATHS}
    document = schema.raw_schema["paths"]
    assert document["/metrics"]["get"]["security"] == [{"HTTPBearer": []}, {}]  # open to who has no key
    assert not [path for path, codes in answers.items() if max(codes) >= 500]
    assert answers["POST /v1/sessions"][201] > 0
    assert answers["GET /v1/sessions/{id}"][200] > 0
