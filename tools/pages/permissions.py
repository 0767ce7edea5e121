"""The IAM permissions and roles, from the list of permissions."""

from __future__ import annotations

from vertex_tuning.permissions import AGENTS, PERMISSIONS, Permission, Role, of_role

from .markdown import made_from, table

HEAD = f"""\
# Who may do what

{made_from("vertex_tuning/permissions.py")}

A test drives whole stacks and holds the calls that they make against this list: no call without a
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
    """docs/permissions.md."""
    lines = [HEAD]
    for role in Role:
        rows = [_row(each) for each in PERMISSIONS if each.role is role]
        lines += [f"## {role.value}", "", f"For {role.meaning}.", ""]
        lines += [*table(["permission", "why", "calls"], rows), ""]
    lines += ["## Google's agents", "", "`NUMBER` is the project's number.", ""]
    agents = [
        (f"`{a.agent}`", f"`{a.role}`", a.on, a.why + (f"; only with {a.when}" if a.when else ""))
        for a in AGENTS
    ]
    lines += [*table(["agent", "role", "on", "why"], agents), IMPERSONATION]
    return "\n".join(lines)


def _row(each: Permission) -> tuple[str, str, str]:
    why = each.why + (f"; only with `{each.when}`, not in the role" if each.when else "")
    why += "; assumed, Google's pages do not say" if each.assumed else ""
    calls = ", ".join(f"`{'.'.join(call.split('.')[-2:])}`" for call in each.calls)
    return f"`{each.name}`", why, calls or "—"


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
