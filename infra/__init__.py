"""What an AWS account needs to run the pipeline: a CloudFormation template, its command line, and its checks."""
