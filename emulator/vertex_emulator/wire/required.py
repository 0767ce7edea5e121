"""Fields that Google's documentation marks as required; the generated types do not carry the mark."""

REQUIRED: dict[str, tuple[str, ...]] = {
    "SupervisedTuningSpec": ("training_dataset_uri",),
    "Endpoint": ("display_name",),
    "UploadModelRequest": ("model",),
    "MergeVersionAliasesRequest": ("version_aliases",),
    "RecommendSpecRequest": ("gcs_uri",),
    "DeployModelRequest": ("deployed_model",),
    "UndeployModelRequest": ("deployed_model_id",),
    "UpdateEndpointLongRunningRequest": ("endpoint",),
    "PredictRequest": ("instances",),
    "CustomModel": ("gcs_uri",),
    # min_replica_count is required too, but 0 of it is not on the wire: ``machines`` asks for it.
    "DedicatedResources": ("machine_spec",),
    "ModelContainerSpec": ("image_uri",),
    "EncryptionSpec": ("kms_key_name",),
    "AutoscalingMetricSpec": ("metric_name",),
    "ReservationAffinity": ("reservation_affinity_type",),
    "DraftModelSpeculation": ("draft_model",),
    "EnvVar": ("name",),
    "PSCAutomationConfig": ("project_id", "network"),
    "GcsSource": ("uris",),
    "GcsDestination": ("output_uri_prefix",),
    "BigQueryDestination": ("output_uri",),
    "ModelGardenSource": ("public_model_name",),
    "GenieSource": ("base_model_uri",),
    "ExplanationSpec": ("parameters",),
    "ExplanationMetadata": ("inputs", "outputs"),
    "SampledShapleyAttribution": ("path_count",),
    "IntegratedGradientsAttribution": ("step_count",),
    "XraiAttribution": ("step_count",),
}
"""Message name → its required fields, by proto name. A message that is not given is not looked into."""
