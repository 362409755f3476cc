"""Commands of what moved the shares and of the AI/HPC pivot: attribution, hpc."""
