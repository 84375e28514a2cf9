"""The official OpenAI client, pointed at Sightline, gets text vectors as it expects them."""

import httpx
import numpy as np
import openai
import pytest

from db.embedded import Stack

DIMENSIONS = 64


@pytest.fixture
def client(stack: Stack) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{stack.url}/openai/v1", api_key="none", max_retries=0)


def test_vectors_are_the_same_by_both_doors_and_in_both_encodings(
    client: openai.OpenAI, http: httpx.Client
) -> None:
    texts = ["a red boot", "a blue mug"]
    by_base64 = client.embeddings.create(model="clip", input=texts)
    by_float = client.embeddings.create(model="clip", input=texts, encoding_format="float")
    job = http.post(
        "/v1/embeddings", json={"input": [{"text": one} for one in texts]},
        headers={"Prefer": "wait=30"},
    ).json()  # fmt: skip
    expected = [one["embedding"] for one in job["result"]["data"]]
    for answer in (by_base64, by_float):
        assert [one.index for one in answer.data] == [0, 1]
        found = np.array([one.embedding for one in answer.data])
        assert np.allclose(found, expected, atol=1e-5)
        assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-3)
    assert by_float.model == "clip"


def test_one_text_and_many_and_a_model_by_its_name(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names[0] == "clip"
    alone = client.embeddings.create(model=names[1], input="a red boot", dimensions=DIMENSIONS)
    many = client.embeddings.create(model="clip", input=[f"boot {n}" for n in range(300)])
    assert len(alone.data) == 1 and len(alone.data[0].embedding) == DIMENSIONS
    assert [one.index for one in many.data] == list(range(300))


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"model": "text-embedding-3-small", "input": "x"}, "model_not_served"),
        ({"model": "clip", "input": [[1, 2, 3]]}, "invalid_input"),
        ({"model": "clip", "input": []}, "invalid_input"),
        ({"model": "clip", "input": "x", "dimensions": 512}, "invalid_input"),
    ],
)
def test_what_cannot_be_done_is_an_error_of_the_client_with_a_code(
    client: openai.OpenAI, asked: dict[str, object], code: str
) -> None:
    with pytest.raises(openai.UnprocessableEntityError) as raised:
        client.embeddings.create(**asked)  # type: ignore[arg-type]
    assert raised.value.code == code
