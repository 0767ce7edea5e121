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
}
"""Message name → its required fields, by proto name. A message that is not given is not looked into."""
