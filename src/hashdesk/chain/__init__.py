"""Rules of the Bitcoin chain: headers, work, retarget, subsidy, and days counted from blocks."""
