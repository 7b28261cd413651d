"""HTTP paths and nothing else."""
