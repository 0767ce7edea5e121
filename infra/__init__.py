"""This repository's own Pulumi program: a stack's configuration in, tuned models out."""
