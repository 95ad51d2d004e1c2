"""Files for Prometheus, Grafana and Datadog, made of a configuration."""
