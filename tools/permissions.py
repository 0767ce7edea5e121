"""Write docs/permissions.md and docs/roles from the list of permissions.

python tools/permissions.py
"""

from __future__ import annotations

from pathlib import Path

from vertex_tuning.permissions import AGENTS, DISPENSABLE, PERMISSIONS, Permission, Role, of_role

DOCS = Path(__file__).resolve().parent.parent / "docs"
HEAD = """# Who may do what

Made by `python tools/permissions.py` from `vertex_tuning/permissions.py`; a test holds the two together, and
another drives whole stacks and holds the calls that they make against this list: no call without a
permission, no permission without a call. Which permission Google checks for a call is taken from Google's
pages; nothing here has been tried on the real services.

Four custom roles, each a file that `gcloud` takes (not run here):

<!-- not-run: wants a Google Cloud project -->
```sh
ROLE=vertexTuningDeployer
gcloud iam roles create $ROLE --project PROJECT --file docs/roles/$ROLE.yaml
gcloud projects add-iam-policy-binding PROJECT \\
  --member serviceAccount:DEPLOYER --role projects/PROJECT/roles/$ROLE

ROLE=vertexTuningBucket
gcloud iam roles create $ROLE --project PROJECT --file docs/roles/$ROLE.yaml
gcloud storage buckets add-iam-policy-binding gs://BUCKET \\
  --member serviceAccount:DEPLOYER --role projects/PROJECT/roles/$ROLE
```
"""
IMPERSONATION = """
## As another account

Whoever runs pulumi needs none of this if a service account has it. `VERTEX_TUNING_IMPERSONATE=DEPLOYER`, the
account's address, makes every call as that account (`GOOGLE_IMPERSONATE_SERVICE_ACCOUNT`, which pulumi-gcp
reads, does it too). It takes `roles/iam.serviceAccountTokenCreator` on that account, and the IAM Service
Account Credentials API in its project. Several addresses with commas between them are a chain: each may act
as the next, and the calls are made as the last.
"""


def page() -> str:
    """The whole page, as Markdown."""
    lines = [HEAD]
    for role in Role:
        lines += [f"## {role.value}", "", f"For {role.meaning}.", ""]
        lines += ["| permission | why | calls |", "| --- | --- | --- |"]
        lines += [_row(each) for each in PERMISSIONS if each.role is role]
        lines.append("")
    lines += ["## Made, and may be refused", ""]
    lines += [f"- `{call}`: {why}." for call, why in DISPENSABLE.items()]
    lines += ["", "## Google's agents", "", "`NUMBER` is the project's number.", ""]
    lines += ["| agent | role | on | why |", "| --- | --- | --- | --- |"]
    for agent in AGENTS:
        why = agent.why + (f"; only with {agent.when}" if agent.when else "")
        lines.append(f"| `{agent.agent}` | `{agent.role}` | {agent.on} | {why} |")
    return "\n".join(lines) + "\n" + IMPERSONATION


def _row(each: Permission) -> str:
    why = each.why + (f"; only with `{each.when}`, not in the role" if each.when else "")
    why += "; assumed, Google's pages do not say" if each.assumed else ""
    calls = ", ".join(f"`{'.'.join(call.split('.')[-2:])}`" for call in each.calls)
    return f"| `{each.name}` | {why} | {calls or '—'} |"


def role_file(role: Role) -> str:
    """A custom role as `gcloud iam roles create --file` takes it."""
    lines = [
        f"title: {role.value}",
        f'description: "pulumi-vertex-tuning: {role.meaning}"',
        "stage: GA",
        "includedPermissions:",
        *(f"- {name}" for name in of_role(role)),
    ]
    return "\n".join(lines) + "\n"


def files() -> dict[Path, str]:
    """Everything that is written, by its path below docs."""
    roles = {Path("roles") / f"{role.value}.yaml": role_file(role) for role in Role}
    return {Path("permissions.md"): page(), **roles}


if __name__ == "__main__":
    for path, text in files().items():
        (DOCS / path).parent.mkdir(parents=True, exist_ok=True)
        (DOCS / path).write_text(text)
