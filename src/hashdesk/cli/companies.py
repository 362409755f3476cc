"""Commands of the companies: company, companies, attribution, hpc."""
