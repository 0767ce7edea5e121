"""What provisioning tools ask beside Google's typed clients: a project's number, a service's agent."""

from tests.support.plain import Plain


def test_a_project_has_one_number_in_both_versions_and_in_names(plain: Plain) -> None:
    old = plain.ok("GET", f"v1/projects/{plain.project}")
    new = plain.ok("GET", f"v3/projects/{plain.project}")

    assert (old["projectId"], old["lifecycleState"]) == (plain.project, "ACTIVE")
    assert (new["projectId"], new["state"]) == (plain.project, "ACTIVE")
    assert new["name"] == f"projects/{old['projectNumber']}"
    assert plain.endpoint().startswith(f"{new['name']}/")


def test_all_agents_of_vertex_ai_are_made_at_once(plain: Plain) -> None:
    number = plain.ok("GET", f"v1/projects/{plain.project}")["projectNumber"]
    producers = f"v1/projects/{number}/locations/global/serviceProducers"

    done = plain.ok("POST", f"{producers}/aiplatform.googleapis.com:generateServiceAgents", {})

    agents = {agent["principal"]: agent["role"] for agent in done["response"]["serviceAgents"]}
    assert done["done"] is True
    assert agents == {
        f"serviceAccount:service-{number}@gcp-sa-aiplatform.iam.gserviceaccount.com": (
            "roles/aiplatform.serviceAgent"
        ),
        f"serviceAccount:service-{number}@gcp-sa-vertex-moss-ft.iam.gserviceaccount.com": (
            "roles/aiplatform.tuningServiceAgent"
        ),
    }
    other = plain.refused("POST", f"{producers}/iam.googleapis.com:generateServiceAgents", {})
    assert (other[0], "GenerateServiceAgents of iam" in other[2]) == (501, True)


def test_a_services_agent_is_named_after_the_projects_number(plain: Plain) -> None:
    path = f"v1beta1/projects/{plain.project}/services"

    done = plain.ok("POST", f"{path}/aiplatform.googleapis.com:generateServiceIdentity", {})

    number = plain.ok("GET", f"v1/projects/{plain.project}")["projectNumber"]
    agent = f"service-{number}@gcp-sa-aiplatform.iam.gserviceaccount.com"
    assert (done["done"], done["response"]["email"]) == (True, agent)
    status, _, message = plain.refused("POST", f"{path}/iam.googleapis.com:generateServiceIdentity", {})
    assert (status, "GenerateServiceIdentity of iam" in message) == (501, True)
    assert plain.refused("POST", f"{path}/shoes.googleapis.com:generateServiceIdentity", {})[0] == 404
