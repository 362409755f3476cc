"""Commands of the outlook: outlook, difficulty, fleet, scorecard."""
