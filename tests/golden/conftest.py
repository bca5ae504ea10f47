"""The golden project's own tests are data, and `--accept` writes the golden file anew."""

collect_ignore = ["project"]


def pytest_addoption(parser):
    parser.addoption("--accept", action="store_true", help="take the answers of now for the golden ones")
