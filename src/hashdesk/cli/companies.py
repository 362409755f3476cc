"""Commands of the companies: company, companies."""
