"""TARGET=sagemaker: a run on AWS, checked beforehand, priced, started, followed and explained."""
