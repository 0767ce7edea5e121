"""What provisioning tools ask beside Google's typed clients: a project's number, a service's agent."""

from tests.support.plain import Plain


def test_a_project_has_one_number_in_both_versions_and_in_names(plain: Plain) -> None:
    old = plain.ok("GET", f"v1/projects/{plain.project}")
    new = plain.ok("GET", f"v3/projects/{plain.project}")

    assert (old["projectId"], old["lifecycleState"]) == (plain.project, "ACTIVE")
    assert (new["projectId"], new["state"]) == (plain.project, "ACTIVE")
    assert new["name"] == f"projects/{old['projectNumber']}"
    assert plain.endpoint().startswith(f"{new['name']}/")


def test_a_services_agent_is_named_after_the_projects_number(plain: Plain) -> None:
    path = f"v1beta1/projects/{plain.project}/services"

    done = plain.ok("POST", f"{path}/aiplatform.googleapis.com:generateServiceIdentity", {})

    number = plain.ok("GET", f"v1/projects/{plain.project}")["projectNumber"]
    agent = f"service-{number}@gcp-sa-aiplatform.iam.gserviceaccount.com"
    assert (done["done"], done["response"]["email"]) == (True, agent)
    status, _, message = plain.refused("POST", f"{path}/iam.googleapis.com:generateServiceIdentity", {})
    assert (status, "GenerateServiceIdentity of iam" in message) == (501, True)
    assert plain.refused("POST", f"{path}/shoes.googleapis.com:generateServiceIdentity", {})[0] == 404
