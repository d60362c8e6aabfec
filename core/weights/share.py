"""Uploading weights to a hub repository; the authors' weights never become public through us."""

from __future__ import annotations

from core.errors import WeightsError
from core.weights.catalogue import record
from core.weights.places import offline, resolve


def push(name: str, repo: str, *, public: bool = False) -> str:
    """Upload a record's folder to `<repo>/<name>/` and return its address.

    Point `MORPHOSPACE_WEIGHTS_REPO` at the repository and every machine finds the weights there.

    Raises:
        WeightsError: offline, the hub refuses, or published weights would go to a public repository.
    """
    from huggingface_hub import HfApi

    if offline():
        raise WeightsError("the environment says offline: nothing can be uploaded")
    entry, found, api = record(name), resolve(name), HfApi()
    terms = f"{name} is the authors' file ({entry.licence}): it goes to a private repository only"
    if entry.kind == "published" and public:
        raise WeightsError(f"{terms}; leave --public out")
    try:
        api.create_repo(repo, private=not public, exist_ok=True)
        if entry.kind == "published" and not api.repo_info(repo).private:
            raise WeightsError(f"{terms}; {repo} is public")
        api.upload_folder(repo_id=repo, folder_path=found.folder, path_in_repo=name)
    except WeightsError:
        raise
    except Exception as error:  # the hub client raises its own, httpx's and plain ValueErrors
        said = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise WeightsError(
            f"{repo} did not take {name} ({said}): log in with `hf auth login` and check the name"
        ) from error
    return f"{api.endpoint}/{repo}/tree/main/{name}"
