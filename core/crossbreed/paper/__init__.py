"""Park, Seo, Noh, "Neural Crossbreed", ACM TOG 39(6), 2020, arXiv 2009.00905: the paper and nothing else."""
