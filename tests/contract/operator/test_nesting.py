"""One Algorithm with parameters nested as deep as JSON goes would end the operator for everybody; it is refused.

The decoders of kopf and of the client end at about 10,000 levels, which is what the API server takes.
"""

import pytest

from tests.support.operator_stage import Stage

DEEPEST = 9990
ALGORITHM = (
    '{"apiVersion": "stockade.dev/v1alpha1", "kind": "Algorithm", "metadata": {"name": "deep"}, "spec": {"account": '
    '"main", "source": {"inline": "x = 1"}, "symbols": ["BTCUSDT"], "parameters": {"a": PARAMETER}}}'
)
PATH = "/apis/stockade.dev/v1alpha1/namespaces/default/algorithms?dryRun=All"


def ask(stage: Stage, parameter: str) -> tuple[int, str]:
    # No client library writes what it can't nest.
    text = ALGORITHM.replace("PARAMETER", parameter)
    answer = stage.client.post(PATH, content=text, headers={"Content-Type": "application/json"})
    return answer.status_code, answer.text


@pytest.mark.parametrize("parameter", ["1", '"text"', '[[[["a"]]]]', '{"b": [{"c": {"d": [1]}}, 2]}', "[]", "{}"])
def test_five_levels_will_do(stage: Stage, parameter: str) -> None:
    code, said = ask(stage, parameter.replace('[{"c": {"d": [1]}}, 2]', '[{"c": {"d": 1}}, 2]'))
    assert code == 201, said


@pytest.mark.parametrize(
    "parameter",
    [
        "[[[[[1]]]]]",
        '[{"b": [{"c": {}}]}]',
        '{"b": {"b": {"b": {"b": {"b": 1}}}}}',
        "[1, [2, [3, [4, [5]]]]]",
        "[" * DEEPEST + "]" * DEEPEST,
        '{"a":' * DEEPEST + "1" + "}" * DEEPEST,
    ],
    ids=["lists", "an empty object inside", "objects", "further down a list", "all lists", "all objects"],
)
def test_more_is_refused(stage: Stage, parameter: str) -> None:
    code, said = ask(stage, parameter)
    assert code == 422, said[:500]
    assert "parameters: nest lists and objects at most five deep" in said
