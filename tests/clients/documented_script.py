"""The Python of Google's page on tuning open models, in its order and its words.

Changed are `vertexai.init`, which says where the embedded service is, and the blanks that the page asks its
reader to fill in. Between the steps it waits as the page tells the reader to.
"""

import os
import time

import vertexai
from google.auth.credentials import AnonymousCredentials

PROJECT_ID = os.environ["PROJECT_ID"]
REGION = os.environ["REGION"]
STORAGE_URI = os.environ["STORAGE_URI"]

vertexai.init(
    project=PROJECT_ID,
    location=REGION,
    api_endpoint=os.environ["API_ENDPOINT"],
    api_transport="rest",
    credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
)

from google.cloud import aiplatform  # noqa: E402
from vertexai.preview.tuning import SourceModel, sft  # noqa: E402

sft_tuning_job = sft.preview_train(
    source_model=SourceModel(
        base_model="meta/llama3_1@llama-3.1-8b",
        # Optional, folder that either a custom model checkpoint or previously tuned model
        custom_base_model=os.environ["CUSTOM_BASE_MODEL"],
    ),
    tuning_mode="FULL",  # FULL or PEFT_ADAPTER
    epochs=3,
    train_dataset=f"gs://{STORAGE_URI}/train.jsonl",  # JSONL file
    validation_dataset=f"gs://{STORAGE_URI}/validation.jsonl",  # JSONL file
    output_uri=f"gs://{STORAGE_URI}/output",
)

while not sft_tuning_job.has_ended:
    time.sleep(0.2)
    sft_tuning_job.refresh()
if not sft_tuning_job.has_succeeded:
    raise SystemExit(str(sft_tuning_job.error))

from vertexai.preview import model_garden  # noqa: E402

MODEL_ARTIFACTS_STORAGE_URI = f"gs://{STORAGE_URI}/output/postprocess/node-0/checkpoints/final"

model = model_garden.CustomModel(
    gcs_uri=MODEL_ARTIFACTS_STORAGE_URI,
)

# deploy the model to an endpoint using GPUs. Cost will incur for the deployment
endpoint = model.deploy(
    machine_type="g2-standard-12",
    accelerator_type="NVIDIA_L4",
    accelerator_count=1,
)

# Loads the deployed endpoint
endpoint_name = endpoint.resource_name.rpartition("/")[2]
endpoint = aiplatform.Endpoint(f"projects/{PROJECT_ID}/locations/{REGION}/endpoints/{endpoint_name}")

# Define input to the prediction call
instances = [
    {
        "prompt": "What is a car?",
        "max_tokens": 200,
        "temperature": 1.0,
        "top_p": 1.0,
        "top_k": 1,
        "raw_response": True,
    },
]

# Request the prediction
response = endpoint.predict(instances=instances)

for prediction in response.predictions:
    print("PREDICTION", prediction)
