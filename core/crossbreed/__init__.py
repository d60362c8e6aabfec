"""Neural Crossbreed (Park, Seo, Noh 2020): learned morphs in which shape and appearance move together or apart."""
