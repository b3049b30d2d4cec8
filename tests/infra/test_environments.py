"""Nobody edits code to move: no path of it asks in which environment it is."""

import ast

import pytest

from infra.files import REPOSITORY

FOLDERS = ("dags", "infra", "plugins", "spark_jobs", "expectations")
NAMES = {"local", "laptop", "compose", "docker", "aws", "ec2", "cluster", "dev", "development", "staging", "prod"}
NAMES |= {"production", "test", "testing", "ci"}


def questions(source):
    """The lines that compare something with the name of an environment."""
    found = []
    for node in ast.walk(ast.parse(source)):
        compared = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
        compared += [node.value] if isinstance(node, ast.MatchValue) else []
        constants = {
            constant.value.lower()
            for part in compared
            for constant in ast.walk(part)
            if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
        }
        if constants & NAMES:
            found.append(node.lineno if isinstance(node, ast.Compare) else node.value.lineno)
    return found


def test_no_code_asks_for_the_name_of_its_environment():
    files = [path for folder in FOLDERS for path in (REPOSITORY / folder).rglob("*.py")]
    files = [path for path in files if "checks" not in path.parts]  # these read Terraform, where "local" is a keyword
    asking = {str(path.relative_to(REPOSITORY)): lines for path in files if (lines := questions(path.read_text()))}

    assert len(files) > 100
    assert asking == {}


@pytest.mark.parametrize(
    "source",
    [
        'if os.environ["ENVIRONMENT"] == "aws":\n    pass',
        'endpoint = None if name in ("prod", "staging") else url',
        'match settings.place:\n    case "Compose":\n        pass',
    ],
)
def test_such_a_question_is_found(source):
    assert questions(source)
