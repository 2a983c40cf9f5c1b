"""TARGET=docker: the same steps in real containers, through the SageMaker SDK's own local mode."""
